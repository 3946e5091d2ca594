"""Every line of the documentation is run, or says why not; see :mod:`tests.docpages`."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from evo_nas import cli, registry

from .docpages import DocPage, read_page

ROOT = Path(__file__).resolve().parents[1]
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
    """An empty folder to work in, as a notebook does: modules in it can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
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
    monkeypatch.setattr("evo_nas.statistics._RESAMPLES", 200)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in page.blocks:
        place = f"{page.path.name}, line {block.line}"
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.reason is None and block.language == "python":
            code = compile("\n" * block.line + block.text, str(page.path), "exec")
            exec(code, namespace)
        elif block.reason is None and block.language == "console":
            if block.before:
                assert not invoke(list(block.before[1:]), monkeypatch), f"{place}: before"
            for words in block.commands:
                assert words[0] == "evo-nas", f"{place}: only evo-nas is run; say why this is not"
                told = invoke(words[1:] + list(block.options), monkeypatch)
                assert not told, f"{place}: {shlex.join(words)}\n{told}"


def invoke(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command; what it said if it failed."""
    monkeypatch.setattr(sys, "argv", ["evo-nas", *arguments])
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    return "" if ended.value.code in (0, None) else out.getvalue() + err.getvalue()


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
                if words[0] == "evo-nas":
                    parse(words[1:], place)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_sentences_exist_with_their_options(page: DocPage) -> None:
    for mention in page.mentioned:
        words = shlex.split(mention)[1:]
        command, rest = find(words, mention)
        known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, mention


def find(words: list[str], place: str) -> tuple[Any, list[str]]:
    """The command that the first words name, and the other words."""
    command: Any = typer.main.get_command(cli.app)
    while hasattr(command, "commands") and words and not words[0].startswith("--"):
        assert words[0] in command.commands, f"{place}: there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def parse(words: list[str], place: str) -> None:
    """Options and arguments as the command line takes them, values by their types."""
    command, rest = find(words, place)
    try:
        command.make_context(command.name, list(rest))
    except cli._UsageError as error:
        pytest.fail(f"{place}: evo-nas {shlex.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("kind", ["space", "evaluator", "strategy", "data"])
def test_every_plug_in_that_ships_is_on_its_page(kind: str) -> None:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    group = registry._GROUPS[kind].removeprefix("evo_nas.")
    named = {p.name for p in registry._points(kind) if p.value.startswith("evo_nas.")}
    for name in named:
        assert f"### `{name}` {{ #{group}-{name} }}" in text


# -- the rules themselves ------------------------------------------------------------------------


def test_blocks_are_found_with_what_is_said_of_them(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "<!-- slow: trains -->\n<!-- before: evo-nas run --seed 1 -->\n"
        "<!-- not run: needs a file -->\n```console\nevo-nas show FILE  # a run\n```\n"
        "\n<!-- run with: --samples 4 -->\n\n```console\nevo-nas run && evo-nas list runs\n```\n"
        '```python title="a.py"\nx = 1\n```\n'
        "text with `evo-nas list spaces`\n\n    evo-nas show run\n    evo-nas resume run\n"
    )
    page = read_page(path)
    assert page.slow == "trains"
    assert page.mentioned == ("evo-nas list spaces",)
    first, second, third, fourth = page.blocks
    assert (first.reason, first.commands) == ("needs a file", [["evo-nas", "show", "FILE"]])
    assert (first.before, second.before) == (("evo-nas", "run", "--seed", "1"), ())
    assert (second.reason, second.options) == (None, ("--samples", "4"))
    assert second.commands == [["evo-nas", "run"], ["evo-nas", "list", "runs"]]
    assert (third.title, third.text) == ("a.py", "x = 1\n")
    assert (fourth.language, len(fourth.commands), fourth.reason) == ("console", 2, None)


def test_mistakes_are_seen(tmp_path: Path) -> None:
    for wrong in ("run --flop 1G", "rum", "trust", "run --samples many", "figure netwerk a"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            parse(shlex.split(wrong), "here")
