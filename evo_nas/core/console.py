"""Showing progress: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from .progress import Pace, Silent
from .progress import Progress as Listener

# Who hears of progress: a listener, nobody, or whoever looks at the output.
Listening: TypeAlias = Listener | bool | None

_SECONDS_BETWEEN_LINES = 10.0


class LiveProgress:
    """One bar for the phase at work and a note below it; finished phases leave a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}", markup=False),
            TimeRemainingColumn(compact=True),
            expand=True,
        )
        self._note = Text(style="dim", no_wrap=True, overflow="ellipsis")
        self.live = Live(Group(self._bars, self._note), console=console, transient=True)
        self._what = ""
        self._began = 0.0

    def start(self, what: str, total: int, unit: str) -> None:
        if what == self._what:
            return
        self.finish()
        self._what, self._began = what, time.perf_counter()
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        self._bars.add_task(what, total=total, unit=unit)
        self._note.plain = ""

    def advance(self, done: float, note: str = "") -> None:
        for task in self._bars.task_ids:
            self._bars.update(task, completed=done)
        if note:
            self._note.plain = note

    def say(self, message: str) -> None:
        if all(task.finished for task in self._bars.tasks):
            self.finish()
        self._console.print(Text(message))

    def finish(self) -> None:
        """Leave the line of the phase, if one is at work."""
        if self._what:
            note = f"  {self._note.plain}" if self._note.plain else ""
            took = time.perf_counter() - self._began
            self._console.print(Text(f"{self._what}: {duration(took)}{note}"))
            self._what = ""


class PlainProgress:
    """Lines: the start of each phase, then at most one in ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._what, self._total, self._unit = "", 0, ""
        self._printed = 0.0
        self._pace = Pace(0)

    def start(self, what: str, total: int, unit: str) -> None:
        if what != self._what:
            self._what, self._total, self._unit = what, total, unit
            self._pace = Pace(total)
            self._print("")

    def advance(self, done: float, note: str = "") -> None:
        left = self._pace.left(done)
        if done == self._total or time.monotonic() - self._printed >= _SECONDS_BETWEEN_LINES:
            if left is not None:
                note = ", ".join(filter(None, (note, f"{duration(left)} left")))
            self._print(f" {done if done == int(done) else format(done, '.2f')}", note)

    def say(self, message: str) -> None:
        self._console.print(Text(message), highlight=False, soft_wrap=True)

    def _print(self, done: str, note: str = "") -> None:
        self._printed = time.monotonic()
        of = f"{done} of {self._total} {self._unit}" if done else f" {self._total} {self._unit}"
        self.say(f"{self._what}:{of}{', ' + note if note else ''}")


@contextmanager
def shown_on(console: Console) -> Iterator[Listener]:
    """What shows progress on a console: a display where somebody sees it move, lines elsewhere.

    Colours that are forced upon a file, as Jupyter's kernels do, make no terminal of it.
    """
    if console.quiet or not (console.is_terminal and console.file.isatty()):
        yield PlainProgress(console)
        return
    progress = LiveProgress(console)
    with progress.live:
        yield progress
        progress.finish()


@contextmanager
def listening(progress: Listening) -> Iterator[Listener]:
    """The listener that is meant: the one given; for True what shows progress on the output."""
    if progress is True:
        # Lines in notebooks, too, where rich would put each into a box of HTML of its own.
        with shown_on(Console(highlight=False, force_jupyter=False)) as shown:
            yield shown
    else:
        yield progress or Silent()


def duration(seconds: float) -> str:
    """Seconds for people: 48 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
