"""Watching: a run in another process, in lines and in place, until it ends."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from evo_nas.cli.commands import watch as module
from evo_nas.core.progress import Silent
from evo_nas.results import result as results
from evo_nas.search import run_folder
from evo_nas.search.course import standing as standings
from evo_nas.search.course.standing import Phase, Standing
from evo_nas.search.store.lock import Holder
from tests.kit.command import command_line
from tests.kit.runs import make_run

Captured = pytest.CaptureFixture[str]
HOLDER = Holder("there", 7, time.time())


def phase(done: float, note: str = "") -> Phase:
    return Phase(7, "stage1 search", 6, "candidates", done, note, time.time() + 90)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched") / "run"
    make_run(folder)
    return folder


@pytest.fixture
def goes_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Standing | None]], None]:
    """How it stands at each look; nobody is at work after the last."""

    def go_on(looks: list[Standing | None]) -> None:
        left = iter(looks)
        look = lambda _folder: next(left, None)  # noqa: E731
        monkeypatch.setattr(standings, "standing", look)
        monkeypatch.setattr(module, "_SECONDS", 0.0)

    return go_on


def test_a_finished_run_is_shown(made: Path, capsys: Captured) -> None:
    assert command_line("show", made) == 0
    shown = capsys.readouterr().out
    assert command_line("watch", made) == 0
    assert capsys.readouterr().out == shown


def test_one_that_nobody_is_at_work_on_says_how_to_go_on(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(results, "read_best", lambda _path: None)
    best = (made / "best.json").rename(made / "kept")
    try:
        assert command_line("watch", made) == 3
    finally:
        best.rename(made / "best.json")
    assert "is not finished; evo-nas resume" in " ".join(capsys.readouterr().out.split())


def test_without_a_terminal_lines_say_what_is_new(
    made: Path, goes_on: Callable[[list[Standing | None]], None], capsys: Captured
) -> None:
    ends = Phase(7, "stage1 finalists", 2, "candidates", 2, "best 0.5")
    goes_on([Standing(HOLDER, each) for each in (None, phase(1), phase(6, "good"), ends, ends)])
    assert command_line("watch", made) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        f"{made}: process 7 on there is at work",
        "stage1 search: 6 candidates",
        "stage1 search: 6 of 6 candidates, good",
        "stage1 finalists: 2 candidates",
        "stage1 finalists: 2 of 2 candidates, best 0.5",
    ]
    assert lines[5].startswith("Best network of")


def test_in_a_terminal_it_is_shown_in_place(
    made: Path, goes_on: Callable[[list[Standing | None]], None]
) -> None:
    goes_on([Standing(HOLDER, phase(3))])
    written = io.StringIO()
    module._follow(made, Console(file=written, force_terminal=True, width=100, height=60))
    assert "Best network of" in written.getvalue()
    assert written.getvalue().endswith("\x1b[2K")  # and taken away


def test_ctrl_c_ends_the_watching_only(
    made: Path,
    goes_on: Callable[[list[Standing | None]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    goes_on([Standing(HOLDER, phase(1))] * 3)
    monkeypatch.setattr(time, "sleep", interrupt)
    assert command_line("watch", made) == 130
    said = capsys.readouterr()
    assert "what is at work goes on" in said.err
    assert "Best network" not in said.out


def test_a_look_at_what_goes_on_says_so(made: Path, capsys: Captured) -> None:
    with run_folder.held(made), standings.recorded(made, Silent()) as progress:
        progress.start("stage1 trust", 4, "networks")
        progress.advance(1, "one is done")
        for _ in range(1000):
            if (now := standings.standing(made)) and now.phase and now.phase.done:
                break
            time.sleep(0.005)
        assert command_line("show", made) == 0
        shown = capsys.readouterr().out
        assert command_line("show", made, "--json") == 0
        told = capsys.readouterr().out
    assert re.search(r"at work +process \d+ on .+, for ", shown)
    assert re.search(r"phase +stage1 trust: 1 of 4 networks", shown)
    assert re.search(r"latest +one is done", shown)
    assert '"what": "stage1 trust"' in told
    assert command_line("show", made) == 0
    assert "at work" not in capsys.readouterr().out


def test_what_is_no_run_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    assert command_line("watch", tmp_path) == 2
    assert "is no run folder" in capsys.readouterr().err
    assert command_line("serve", tmp_path / "none") == 2
    assert "there is no folder" in capsys.readouterr().err
