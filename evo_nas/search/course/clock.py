"""The time that a run has taken, over all its restarts."""

from __future__ import annotations

import time

from evo_nas.core.progress import Silent
from evo_nas.search.store.store import Store

_SECONDS_BETWEEN = 1.0


class Clock(Silent):
    """Counts the seconds that a run is at work, whose progress it hears.

    It is kept in the run's ``store`` whenever the run gets on, once a second at most: what a killed
    process has spent counts. Between a stop and the next start it stands still.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before: float = store.fact("clock") or 0.0
        self._began = self._kept = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of work so far."""
        return self._before + time.monotonic() - self._began

    def close(self) -> None:
        """Write down what it shows in the end."""
        self.keep()

    def keep(self) -> None:
        """Write down what it shows."""
        self._kept = time.monotonic()
        self._store.set_fact("clock", self.elapsed)

    def advance(self, done: float, note: str = "") -> None:
        if time.monotonic() - self._kept >= _SECONDS_BETWEEN:
            self.keep()
