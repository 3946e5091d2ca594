"""`evo-nas check` on the command line: a checklist, an exit code, no traceback of ours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.kit.command import command_line

STRATEGY = "tests.testing.broken_strategies"


class _Here:
    """The checks in this process, which takes seconds less; tests/testing is about one apart."""

    def __init__(self, openings, _limit) -> None:  # type: ignore[no-untyped-def]
        (opening,) = openings
        self.check = opening()

    def run(self, positions):  # type: ignore[no-untyped-def]
        return [(position, self.check(position)) for position in positions]

    def close(self) -> None:
        pass


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evo_nas.testing.isolated.WorkerPool", _Here)


in_this_process = pytest.mark.usefixtures("here")


@in_this_process
def test_a_plugin_that_keeps_its_contract(capsys) -> None:  # type: ignore[no-untyped-def]
    assert command_line("check", "strategy", f"{STRATEGY}:Fine") == 0
    shown = capsys.readouterr().out
    assert "passed   it loads" in shown
    assert "12 passed" in shown


@in_this_process
def test_what_is_wrong_is_told_within_80_columns(capsys) -> None:  # type: ignore[no-untyped-def]
    assert command_line("check", "strategy", f"{STRATEGY}:Raises") == 1
    told = capsys.readouterr()
    assert "AttributeError" in told.out
    assert "broken_strategies.py, line" in " ".join(told.out.split())
    assert max(map(len, told.out.splitlines())) <= 80
    assert "Traceback" not in told.out + told.err


@in_this_process
def test_json_is_all_that_a_machine_reads(capsys) -> None:  # type: ignore[no-untyped-def]
    spec = "tests.testing.broken_evaluators:Forgets"
    assert command_line("check", "evaluator", spec, "--json", "--samples", "2") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["spec"], document["passed"]) == ("evaluator", spec, False)
    failed = [check for check in document["checks"] if check["status"] == "failed"]
    assert "latency" in failed[0]["message"]


@pytest.mark.slow
def test_what_a_plug_in_prints_is_not_among_the_json(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.py"
    path.write_text(
        "import os\nfrom evo_nas.evaluation.evaluator import Evaluator\n\n"
        "class Mine(Evaluator):\n    needs_data = False\n\n"
        "    def evaluate(self, genome):\n        print('hello')\n        os.system('echo shell')\n"
        "        return {'accuracy': 0.5}\n"
    )
    words = ["check", "evaluator", f"{path}:Mine", "--samples", "2", "--json"]
    ended = subprocess.run(
        [sys.executable, "-m", "evo_nas", *words], capture_output=True, text=True, check=False
    )
    assert json.loads(ended.stdout)["passed"]
    assert "hello" in ended.stderr
    assert "shell" in ended.stderr


@in_this_process
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["space", "glit_hk"], "did you mean glit_hl"),
        (["spaces", "glit_hl"], "did you mean space"),
        (["strategy", "spos", "--samples", "3"], "--samples has no meaning for a strategy"),
        (["space", "glit_hl", "--samples", "0"], "must be 1 or more"),
        (["evaluator", "table", "--space", "nowhere.py:Space"], "there is no file"),
        (["strategy", "spos", "--time-limit", "-1"], "must be 0 (any time) or more"),
        (["strategy", "spos", "--time-limit", "nan"], "must be 0 (any time) or more"),
    ],
)
def test_what_cannot_be_checked(capsys, arguments, said) -> None:  # type: ignore[no-untyped-def]
    assert command_line("check", *arguments) == 2
    assert said in capsys.readouterr().err


@in_this_process
def test_a_file_that_cannot_be_imported_fails(capsys, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.py"
    path.write_text("from evo_nas.space.space import Space\n\nclass Mine(Spase):\n    pass\n")
    assert command_line("check", "space", f"{path}:Mine", columns=120) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "NameError: name 'Spase' is not defined" in shown
    assert "mine.py, line 3" in shown
    assert shown.endswith(": 1 failed")


def test_new_says_what_to_try(capsys, tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "made"
    command = ("new", "space", "his_space", "--folder", folder)
    assert command_line(*command) == 0
    shown = capsys.readouterr().out
    assert f"evo-nas check space {folder}/his_space.py:HisSpace" in shown
    assert f"pip install -e {folder}" in shown
    assert command_line(*command) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
