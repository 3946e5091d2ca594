"""Progress without a terminal: lines with how far, how it goes, and how long it will take."""

import io

import pytest
from rich.console import Console

from evo_nas.core import console
from evo_nas.core.console import PlainProgress, shown_on


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set."""
    now = [1000.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def lines(work):
    out = io.StringIO()
    work(PlainProgress(Console(file=out, width=80)))
    return out.getvalue().splitlines()


def test_time_left_follows_the_pace_since_the_work_went_on(clock):
    def work(progress):
        progress.start("training", 300, "epochs")
        progress.advance(100)  # done by an earlier process: says nothing about the pace
        for done in (100.25, 101, 102):
            clock[0] += 60
            progress.advance(done, "loss 1.0")

    assert lines(work) == [
        "training: 300 epochs",
        "training: 100.25 of 300 epochs, loss 1.0, 13 h 19 min left",
        "training: 101 of 300 epochs, loss 1.0, 6 h 38 min left",
        "training: 102 of 300 epochs, loss 1.0, 4 h 57 min left",
    ]


def test_there_are_few_lines_and_always_the_last(clock):
    def work(progress):
        progress.start("scoring", 40, "candidates")
        for done in range(1, 41):
            clock[0] += 1
            progress.advance(done)

    assert [line.partition(" of")[0] for line in lines(work)] == [
        "scoring: 40 candidates",
        "scoring: 10",
        "scoring: 20",
        "scoring: 30",
        "scoring: 40",
    ]


def test_a_terminal_shows_whole_epochs_while_one_is_under_way():
    out = Terminal()
    shown = Console(file=out, width=80, color_system=None)
    with shown_on(shown) as progress:
        progress.start("training", 3, "epochs")
        progress.advance(1.5, "loss 1.0, 800 images/s")
    assert "1/3 epochs" in out.getvalue()
    assert "800 images/s" in out.getvalue()


def test_what_people_wrote_is_shown_as_it_is() -> None:
    output = io.StringIO()
    PlainProgress(Console(file=output, width=80)).say("class :smile: [red]x[/]")
    assert output.getvalue() == "class :smile: [red]x[/]\n"


def test_colours_that_are_forced_upon_a_file_make_no_terminal_of_it(monkeypatch, tmp_path):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as Jupyter's kernels do
    with (tmp_path / "log").open("w+") as file:
        with shown_on(Console(file=file, width=80)) as progress:
            progress.start("training", 2, "epochs")
            for done in (0.5, 1, 2):
                progress.advance(done)
        file.seek(0)
        assert file.read().splitlines() == ["training: 2 epochs", "training: 2 of 2 epochs"]
