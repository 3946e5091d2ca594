"""Every line of the documentation is run, or says why not; see :mod:`tests.docs.pages`."""

from __future__ import annotations

import contextlib
import io
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import evo_nas
from evo_nas.cli import app as cli
from evo_nas.core.plugins import registry

from .commands import find, look
from .pages import DocPage, read_page

ROOT = Path(__file__).resolve().parents[2]
PATHS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="tested away from the repository"
)
PAGES = [read_page(path) for path in PATHS if path.is_file()]
RUN = [page for page in PAGES if any(block.reason is None for block in page.blocks)]


def named(page: DocPage) -> str:
    return page.path.stem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, with benchmarks/ and tests/ as in a clone; modules in it are found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("benchmarks", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:  # the next page has a file of that name, perhaps
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=[pytest.mark.slow] if p.slow else [], id=named(p)) for p in RUN],
)
def test_a_page_runs_from_top_to_bottom(
    page: DocPage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("evo_nas.results.statistics._RESAMPLES", 200)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in page.blocks:
        place = f"{page.path.name}, line {block.line}"
        for words in block.before:
            assert not run(words, monkeypatch), f"{place}: before"
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.reason is None and block.language == "python":
            code = compile("\n" * block.line + block.text, str(page.path), "exec")
            with mock.patch.object(evo_nas, "run", partial(quick_run, block.options([]))):
                exec(code, namespace)
        elif block.reason is None and block.language == "console":
            for words in block.commands:
                if words[0] not in block.left:
                    told = run([*words, *block.options(words)], monkeypatch)
                    assert not told, f"{place}: {shlex.join(words)}\n{told}"


_run = evo_nas.run


def quick_run(options: Sequence[str], **given: Any) -> Any:
    """``evo_nas.run`` with the options of a comment, which are written as for the command line."""
    pairs = zip(options[::2], options[1::2], strict=True)
    more = {key.removeprefix("--").replace("-", "_"): _value(text) for key, text in pairs}
    return _run(**{**given, **more})


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else text


def run(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command of evo-nas or one of our modules; what it said if it failed."""
    known = words[0] == "evo-nas" or tuple(words[:2]) == ("python", "-m")
    assert known, f"{shlex.join(words)}: say why this is not run"
    module = words[2] if words[0] == "python" else None
    monkeypatch.setattr(sys, "argv", list(words[2:] if module else words))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if module:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                cli.main()
        except SystemExit as ended:
            return "" if ended.code in (0, None) else out.getvalue() + err.getvalue()
    return ""


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_is_not_run_is_at_least_right(page: DocPage) -> None:
    for block in page.blocks:
        place = f"{page.path.name}, line {block.line}"
        assert block.language, f"{place}: say the language of the block, or text"
        if block.language == "python":
            compile(block.text, place, "exec")
        if block.language == "console":
            for words in block.commands:
                assert "$" not in words[0], f"{place}: commands have no prompt"
                look(words, place)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_sentences_exist_with_their_options(page: DocPage) -> None:
    for mention in page.mentioned:
        program, *words = shlex.split(mention)
        if program != "evo-nas":
            look([program, *words], f"{page.path.name}: {mention}")
            continue
        command, rest = find(words, mention)
        known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, mention


@pytest.mark.parametrize("kind", ["space", "evaluator", "strategy", "data"])
def test_every_plug_in_that_ships_is_on_its_page(kind: str) -> None:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    group = registry._KINDS[kind][0].removeprefix("evo_nas.")
    named = {p.name for p in registry._points(kind) if p.value.startswith("evo_nas.")}
    for name in named:
        assert f"### `{name}` {{ #{group}-{name} }}" in text


# -- the rules themselves ------------------------------------------------------------------------


def test_blocks_are_found_with_what_is_said_of_them(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "<!-- slow: trains -->\n<!-- before: evo-nas run --seed 1 -->\n"
        "<!-- before: python -m tests.kit.images PATH -->\n"
        "<!-- not run: needs a file -->\n```console\nevo-nas show FILE  # a run\n```\n"
        "\n<!-- run with: DIGITS --samples 4 -->\n<!-- run list with: --json -->\n"
        "<!-- not run pip: installs -->\n"
        "\n```console\npip install x && evo-nas run && evo-nas list runs\n```\n"
        '```python title="a.py"\nx = 1\n```\n'
        "text with `evo-nas list spaces`\n\n    evo-nas show run\n    evo-nas resume run\n"
        "\ntext\n\n    python -m benchmarks.crash\n"
    )
    page = read_page(path)
    assert page.slow == "trains"
    assert page.mentioned == ("evo-nas list spaces",)
    first, second, third, fourth, fifth = page.blocks
    assert (first.reason, first.commands) == ("needs a file", [["evo-nas", "show", "FILE"]])
    made, pictures = first.before
    assert (made, pictures[:2]) == (("evo-nas", "run", "--seed", "1"), ("python", "-m"))
    assert (second.reason, second.left, second.before) == (None, {"pip": "installs"}, ())
    installs, runs, lists = second.commands
    assert installs == ["pip", "install", "x"]
    few = ("--data", "digits?train=120&validation=60&test=60", "--samples", "4")
    assert second.options(runs) == few
    assert second.options(lists) == (*few, "--json")
    assert (third.title, third.text) == ("a.py", "x = 1\n")
    assert (fourth.language, len(fourth.commands), fourth.reason) == ("console", 2, None)
    assert fourth.options(["list"]) == ()
    assert fifth.commands == [["python", "-m", "benchmarks.crash"]]


def test_what_is_said_for_the_whole_page_is_for_blocks_without_a_word_of_their_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "<!-- not run here: hours -->\n\n    evo-nas run\n\n"
        "<!-- run with: --dry-run -->\n\n    evo-nas run\n"
    )
    first, second = read_page(path).blocks
    assert (first.reason, second.reason) == ("hours", None)


@pytest.mark.parametrize(
    "wrong",
    [
        "evo-nas run --flop 1G", "evo-nas rum", "evo-nas resume", "evo-nas run --samples many",
        "evo-nas figure netwerk a", "pytest tests/test_nothing.py", "pytest tests/strategie",
        "pytest tests/kit/plugins.py", "python -m benchmarks.crush",
        "python -m benchmarks.crash -k",
        "python -m benchmarks.crash --kills many", "python -m benchmarks.landscapes",
        "nice -n 10 python -m tests.hostile.fuzz --hours 1", "bash runs/recipes/digit.sh",
        "pip install -c constraint.txt", "pip install '.[tests]'", "pip uninstall x", "evo_nas run",
    ],
)  # fmt: skip
def test_mistakes_are_seen(wrong: str) -> None:
    with pytest.raises((AssertionError, AttributeError, pytest.fail.Exception)):
        look(shlex.split(wrong), "here")


def test_what_a_script_would_run_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "bad.sh").write_text('flags=(--flop 1G)\nevo-nas run "${flags[@]}"\n')
    with pytest.raises(pytest.fail.Exception, match="No such option: --flop"):
        look(["bash", str(tmp_path / "bad.sh")], "here")
