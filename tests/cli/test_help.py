"""What a user is shown who asks, presses Tab, or sees an error."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from evo_nas.cli.app import app
from evo_nas.core.plugins.blame import TRACEBACKS
from tests.docs.commands import parse
from tests.kit.command import command_line


def commands(group: Any = None, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


@pytest.fixture(autouse=True)
def _no_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example asks for them."""
    monkeypatch.setenv(TRACEBACKS, "0")


COMMANDS = list(commands())
GROUPED = {"run", "compare", "trust", "train", "export", "check"}


def shown(*words: str, columns: int = 80) -> str:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, [*words, "--help"]).stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_groups_words_for_values_and_commands_to_start_from(words: Any) -> None:
    told = shown(*words)
    assert not re.search(r"<\w+>|\[default|\{", told)
    assert max(map(len, told.splitlines())) <= 80
    assert re.findall(r"^([A-Z][\w ]+):$", told, re.MULTILINE)[-2:] == ["Options", "Examples"]
    assert "--traceback" in told
    if words[0] in GROUPED:
        assert len(re.findall(r"^[A-Z][\w ]+:$", told, re.MULTILINE)) > 3
    _, _, examples = told.partition("\nExamples:\n")
    assert examples
    for line in examples.splitlines():
        assert line.startswith("  evo-nas ")
        parse(shlex.split(line)[1:], " ".join(words))


def test_commands_are_listed_with_whole_sentences() -> None:
    listed = re.sub(r"\s+", " ", shown().partition("Commands:")[2])
    assert "..." not in listed
    assert "costs Count parameters and FLOPs of networks, all by the same counter" in listed


@pytest.mark.parametrize("words", [(), ("figure",)])
def test_without_a_command_there_is_help(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(*words) == 0
    told = capsys.readouterr().out
    assert told.startswith(" ".join(["Usage: evo-nas", *words, "[OPTIONS] COMMAND"]))
    assert "\nCommands:\n" in told


def test_what_is_near_an_unknown_command_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line("tarin") == 2
    assert "did you mean" in capsys.readouterr().err.lower()


def test_usage_names_arguments_that_are_for_users() -> None:
    assert shown("compare").startswith("Usage: root compare [OPTIONS]\n")
    assert "check [OPTIONS] KIND SPEC\n" in shown("check")
    assert "figure accuracy [OPTIONS] [RUNS...]\n" in shown("figure", "accuracy")


# -- a shell's completion --------------------------------------------------------------------------


def completed(folder: Path, words: str) -> list[str]:
    """What a shell is told, by a process that must not have loaded torch."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*{'torch', 'numpy'} & {*sys.modules}, file=sys.stderr))\n"
        "sys.argv = ['evo-nas']\n"
        "from evo_nas.cli.app import main\n"
        "main()\n"
    )
    environment = {
        "_EVO_NAS_COMPLETE": "complete_bash",
        "COMP_WORDS": f"evo-nas {words}",
        "COMP_CWORD": str(len(words.split(" "))),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ended.stderr.strip() == ""
    return ended.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("run --space glit_hl", ["glit_hl", "glit_hl_base", "glit_hl_small"]),
        ("run --evaluator zero", ["zero_cost"]),
        ("run --recipe p", ["paper"]),
        ("compare --strategies spos,regul", ["spos,regularized"]),
        ("resume runs/", ["runs/a", "runs/b"]),
        ("show runs/", ["runs/a"]),
        ("list strategies rand", ["random", "random_search"]),
        ("check evaluator tr", ["train"]),
        ("figure network deit_t", ["deit_tiny"]),
        ("train deit_tiny --sav", []),
        ("trai", ["train"]),
    ],
)
def test_a_shell_completes_names_without_torch(
    tmp_path: Path, words: str, found: list[str]
) -> None:
    for name, file in (("a", "config.toml"), ("b", "comparison.toml")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / file).touch()
    assert completed(tmp_path, words) == found


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in shown()


# -- a plug-in's error -----------------------------------------------------------------------------

BROKEN = """
from evo_nas.evaluation import Evaluator


class Broken(Evaluator):
    needs_data = False
    in_workers = {in_workers}

    def open(self, space, context):
        pass

    def evaluate(self, genome):
        return self.helper()

    def helper(self):
        raise KeyError("depth")
"""


@pytest.mark.parametrize("in_workers", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_traceback_is_shown_where_a_line_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    in_workers: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.py").write_text(BROKEN.format(in_workers=in_workers))
    words = ["run", "--space", "tests.kit.plugins:Tiny", "--flops", "1K", "--samples", "4"]
    words += ["--population", "4", "--quiet", "--evaluator", "broken.py:Broken"]
    words += ["--retrainer", "broken.py:Broken", "--jobs", "2"]
    assert command_line(*words) == 2
    told = capfd.readouterr().err
    assert "KeyError: 'depth' (broken.py, line 16)" in told
    assert "Traceback" not in told
    assert command_line(*words, "--traceback", "--run-dir", "other") == 2
    told = capfd.readouterr().err
    assert 'broken.py", line 13, in evaluate' in told
    assert 'raise KeyError("depth")' in told
    assert "evo_nas/cli/app.py" not in told  # how we came to say so is of no use


@pytest.mark.parametrize(("text", "shown"), [("1 / 0", True), ("", False)])
def test_a_traceback_is_that_of_somebody_s_own_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    shown: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(f"{text}\n")
    assert command_line("space", "mine.py:Mine", "--traceback") == 2
    told = capsys.readouterr().err
    assert ("ZeroDivisionError: division by zero" in told) == shown
    assert ("Traceback" in told) == shown
