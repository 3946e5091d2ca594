"""How far the process at work in a folder has come, kept there for whoever looks.

Why: docs/decisions/063-who-is-at-work.md.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, FiniteFloat

from evo_nas.core.files import written_aside
from evo_nas.core.progress import Pace, Progress
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.errors import RunError, plain
from evo_nas.search.store.lock import PROGRESS, Holder, holder

_SECONDS_BETWEEN = 1.0


@dataclass(frozen=True, slots=True)
class Phase:
    """What process ``pid`` is at: ``done`` of ``total`` units, and the latest ``note`` about it.

    At its pace it ``ends`` then, in seconds since 1970; None while that is not known.
    """

    pid: int
    what: str
    total: Annotated[FiniteFloat, Field(ge=0)]
    unit: str
    done: Annotated[FiniteFloat, Field(ge=0)] = 0
    note: str = ""
    ends: FiniteFloat | None = None

    @property
    def left(self) -> float | None:
        """Seconds until it ends, at its pace."""
        return None if self.ends is None else max(self.ends - time.time(), 0.0)

    @property
    def told(self) -> str:
        """How much of it is done, for people."""
        done = f"{self.done:.2f}".rstrip("0").rstrip(".")
        return f"{done} of {self.total:g} {plain(self.unit)}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is at work in a folder, and at which phase; None before the first has begun."""

    holder: Holder
    phase: Phase | None


def standing(folder: Path) -> Standing | None:
    """What is going on in a folder; None where nothing is, whatever a killed process has left."""
    working = holder(folder)
    if working is None:
        return None
    path, phase = folder / PROGRESS, None
    with suppress(RunError):
        found = typed(Phase, read_json(path, RunError), path, RunError)
        phase = found if found.pid == working.pid else None
    return Standing(working, phase)


@contextmanager
def recorded(folder: Path, listener: Progress) -> Iterator[Progress]:
    """What passes progress on to the ``listener``, and keeps it in a ``folder`` that is held.

    A thread writes it once a second, so that work waits for no disk. Nothing is left at the end.
    """
    recorder = _Recorder(folder / PROGRESS, listener)
    writer = threading.Thread(target=recorder.keep, daemon=True)
    writer.start()
    try:
        yield recorder
    finally:
        recorder.over.set()
        writer.join()
        with suppress(OSError):
            recorder.path.unlink(missing_ok=True)


class _Recorder:
    def __init__(self, path: Path, listener: Progress) -> None:
        self.path, self._listener = path, listener
        self.over = threading.Event()
        self._phase: Phase | None = None
        self._pace = Pace(0)

    def start(self, what: str, total: int, unit: str) -> None:
        self._listener.start(what, total, unit)
        if self._phase is None or self._phase.what != what:
            self._pace = Pace(total)
            self._phase = Phase(os.getpid(), what, total, unit)

    def advance(self, done: float, note: str = "") -> None:
        self._listener.advance(done, note)
        if self._phase is not None:
            self._pace.left(done)  # which it is measured from, the first time
            self._phase = replace(self._phase, done=done, note=note or self._phase.note)

    def say(self, message: str) -> None:
        self._listener.say(message)

    def keep(self) -> None:
        """Write down the phase, until it is over."""
        while not self.over.wait(_SECONDS_BETWEEN):
            if (phase := self._phase) is not None:
                # Of now: candidates come in bursts, and none says how long the next will take.
                left = self._pace.left(phase.done) if phase.done else None
                ends = None if left is None else time.time() + left
                self._write(replace(phase, ends=ends))

    def _write(self, phase: Phase) -> None:
        # A disk that is full stops the run where something is recorded, not here.
        with (
            suppress(RunError, OSError),
            written_aside(self.path, durable=False) as temporary,
            temporary.open("x", encoding="utf-8", errors="replace") as file,
        ):
            json.dump(asdict(phase), file)
