"""Counting candidates that failed: how many are too many, and why they did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from evo_nas.errors import EvaluatorError, in_short

_FEWEST = 10  # candidates before a share of them says anything
_MOST_SAID = 5


def most_frequent(reasons: Iterable[str], most: int = 3) -> list[tuple[str, int]]:
    """The most frequent reasons and how often each was given; of equal ones the first."""
    return Counter(reasons).most_common(most)


class FailureCount:
    """Counts the candidates of one phase in the order in which they were proposed.

    ``what`` names the phase; ``share`` of them may fail. ``then`` says where to look and what to do
    once too many have.
    """

    def __init__(self, what: str, share: float, then: str) -> None:
        self._what, self._share, self._then = what, share, then
        self._candidates = self._failed = 0
        self._last = ""

    def add(self, failure: str | None) -> None:
        """Count one more; None where it was scored.

        Raises:
            EvaluatorError: too large a share of ten candidates or more failed.
        """
        self._candidates += 1
        if failure is not None:
            self._failed += 1
            self._last = failure
            if self._candidates >= _FEWEST and self._failed > self._share * self._candidates:
                self._stop(f"more than the share of {self._share:g} that --failures allows")

    def require_scores(self) -> None:
        """Raise an EvaluatorError if there were candidates and none of them was scored."""
        if self._failed == self._candidates > 0:
            self._stop("so there is nothing to go on with")

    def _stop(self, why: str) -> None:
        raise EvaluatorError(
            f"{self._what}: {self._failed} of {self._candidates} candidates failed, {why}; the "
            f"last one: {self._last.rstrip('.')}. {self._then}"
        )


class Announcer:
    """Decides which failures of a phase are said when they happen: few, and each reason once."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._said: set[str] = set()

    def line(self, number: int, failure: str) -> str | None:
        """What to say about the failure of a candidate, by its number in the phase."""
        if failure in self._said or len(self._said) == _MOST_SAID:
            return None
        self._said.add(failure)
        more = "; further reasons are only recorded" if len(self._said) == _MOST_SAID else ""
        return f"{self._what}: candidate {number} failed: {in_short(failure)}{more}"
