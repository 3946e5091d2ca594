"""What long work tells about itself, without knowing who listens."""

from __future__ import annotations

import time
from typing import Protocol


class Progress(Protocol):
    """A listener; the command line shows what it hears, a script may ignore it."""

    def start(self, what: str, total: int, unit: str) -> None:
        """A phase of ``total`` units (such as epochs, candidates) begins."""

    def advance(self, done: float, note: str = "") -> None:
        """``done`` units of the current phase are complete; ``note`` says how it goes.

        ``done`` may end in a part of a unit; whole units are integers.
        """

    def say(self, message: str) -> None:
        """Something that a person should read once."""


def tell_epoch(listener: Progress, what: str, epoch: object) -> None:
    """An epoch of the training ``what`` is done: told to a listener that hears of epochs.

    Those do with a method ``epoch``; most only show how far something is.
    """
    if (hear := getattr(listener, "epoch", None)) is not None:
        hear(what, epoch)


class Silent:
    """A listener that shows nothing."""

    def start(self, what: str, total: int, unit: str) -> None:
        pass

    def advance(self, done: float, note: str = "") -> None:
        pass

    def say(self, message: str) -> None:
        pass


class Messages(Silent):
    """Passes on what a person should read, each message once, and epochs; nothing else."""

    def __init__(self, listener: Progress) -> None:
        self._listener = listener
        self._said: set[str] = set()

    def say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._listener.say(message)

    def epoch(self, what: str, epoch: object) -> None:
        tell_epoch(self._listener, what, epoch)


class Pace:
    """How much longer a phase of ``total`` units takes if it goes on as it has since it was begun.

    What was done before it is first asked, as when a run is resumed, says nothing of its pace.
    """

    def __init__(self, total: float) -> None:
        self._total = total
        self._first: tuple[float, float] | None = None  # done, and when

    def left(self, done: float) -> float | None:
        """Seconds until all is done, now that so much is; None while that is not known."""
        now = time.monotonic()
        began, since = self._first = self._first or (done, now)
        if not began < done < self._total:
            return None
        return (self._total - done) * (now - since) / (done - began)
