"""Lists of what can be named, and the options of one plug-in, as commands print them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evo_nas.cli.catalogue import ABOUT, details
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.docs import Option, about, summary
from evo_nas.errors import SpecError
from tests.kit.command import command_line

MINE = """
from evo_nas.evaluation.evaluator import Evaluator

class Mine(Evaluator):
    '''Scores by magic.

    Args:
        power: how much of it.
    '''

    def __init__(self, spell: str, power: float = 0.5, loud: bool = False, book=None,
                 wand=complex(1, 2)):
        raise OSError("made, though it is only to be listed")
"""


Captured = pytest.CaptureFixture[str]


def listed(capsys: Captured, *arguments: str, columns: int = 80) -> str:
    """What ``evo-nas list`` prints."""
    assert command_line("list", *arguments, columns=columns) == 0
    return capsys.readouterr().out


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    return "mine.py:Mine"


def test_the_options_of_one_plug_in_are_printed_with_defaults(mine: str, capsys: Captured) -> None:
    lines = listed(capsys, "evaluators", mine).splitlines()
    assert lines[0] == "mine.py:Mine"
    assert "Scores by magic." in lines
    rows = [line.split() for line in lines if line.startswith(" ")]
    assert ["spell", "must", "be", "given"] in rows
    assert ["power", "0.5", "how", "much", "of", "it."] in rows
    assert ["loud", "false"] in rows
    assert ["book", "-"] in rows


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_word_of_a_meaning_is_cut(columns: int, capsys: Captured) -> None:
    text = listed(capsys, "evaluators", "supernet", columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    words = " ".join(option.meaning for option in details("evaluators", "supernet").options)
    assert set(words.split()) <= set(text.split())


def test_machines_read_the_same(mine: str, capsys: Captured) -> None:
    document = json.loads(listed(capsys, "evaluators", mine, "--json"))
    assert (document["name"], document["about"]) == (mine, "Scores by magic.")
    spell, power, *_, wand = document["options"]
    assert spell == {"name": "spell", "default": None, "needed": True, "meaning": ""}
    assert (power["default"], power["needed"]) == (0.5, False)
    assert wand["default"] == "(1+2j)"


def test_without_a_word_it_says_what_can_be_listed(capsys: Captured) -> None:
    text = listed(capsys)
    for what in ("spaces", "evaluators", "strategies", "data", "networks", "runs"):
        assert f"\n{what}" in f"\n{text}"
    assert set(json.loads(listed(capsys, "--json"))) == set(ABOUT)


def test_what_our_plug_ins_say_is_read_as_python_reads_it() -> None:
    for kind in registry.KINDS:
        for name in registry.names(kind):
            assert about(kind, name) == summary(registry.find(kind, name)) != ""


def test_runs_are_listed_with_comparisons_and_pools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file, content in (
        ("a", "comparison.toml", 'strategies = ["spos", "random"]\nseeds = [0]\njobs = 1\n'),
        ("b", "comparison.toml", "seeds = 3"),
        ("c", "config.toml", ""),
        ("d", "notes.txt", ""),
    ):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / file).write_text(content)
    (tmp_path / "runs" / "a" / "comparison.json").touch()
    told = json.loads(listed(capsys, "runs", "--json"))
    assert set(told) == {"runs/a", "runs/b", "runs/c"}
    assert told["runs/a"] == "comparison of spos, random with 1 seed, finished"
    assert "comparison.toml" in told["runs/b"]
    assert "run.sqlite is missing" in told["runs/c"]


def test_a_list_says_how_options_are_shown(capsys: Captured) -> None:
    for what in ("spaces", "evaluators", "strategies", "data"):
        assert f"evo-nas list {what} NAME" in listed(capsys, what)
    assert "NAME" not in listed(capsys, "networks")
    assert "NAME" not in listed(capsys, "evaluators", "--json")


def test_a_plug_in_without_options_says_so(capsys: Captured) -> None:
    assert "It has no options." in listed(capsys, "strategies", "largest")


def test_options_that_the_spec_itself_gives_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "my.toml").touch()
    assert details("spaces", str(tmp_path / "my.toml")).options == []
    assert "path" not in {option.name for option in details("data", str(tmp_path)).options}
    assert details("evaluators", "table?repeat=1").options == [
        Option("repeat", None, False, "the repeat (0, 1, ...) to read, which is noisy as one "
               "training is; left out, the truth.")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "spec", "said"),
    [
        ("evaluators", "tabel", "did you mean table"),
        ("runs", "runs/a", "evo-nas show runs/a"),
        ("networks", "glit_tiny", "evo-nas show glit_tiny"),
        ("space", "glit_hl", "did you mean spaces"),
    ],
)
def test_what_has_no_details_is_refused(what: str, spec: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        details(what, spec)
