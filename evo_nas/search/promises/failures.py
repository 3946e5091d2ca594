"""The share of candidates that may fail: too many of them end a run, and why they did is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from evo_nas.errors import EvaluatorError, in_short

_FEWEST = 10  # candidates before a share of them says anything
_MOST_SAID = 5


def most_frequent(reasons: Iterable[str], most: int = 3) -> list[tuple[str, int]]:
    """The most frequent reasons and how often each was given; of equal ones the first."""
    return Counter(reasons).most_common(most)


class Failures:
    """Counts the candidates of one phase, ``what``, in the order in which they were proposed.

    However they arrive: whether too many fail does not depend on how many processes evaluate them.
    The ``share`` of them may fail, where those that were filtered out do not count; ``then`` says
    what to do once more have.
    """

    def __init__(self, what: str, share: float, then: str) -> None:
        self._what, self._share, self._then = what, share, then
        self._waiting: dict[int, tuple[str | None, bool]] = {}
        self._candidates = self._judged = self._failed = 0
        self._last = ""
        self._said: set[str] = set()

    def add(self, number: int, failure: str | None, accepted: bool = True) -> None:
        """Count the candidate of this number, from 0; None where it was scored.

        One that is not ``accepted`` though it was scored has been filtered out.

        Raises:
            EvaluatorError: too large a share of ten candidates or more failed.
        """
        self._waiting[number] = failure, accepted
        while self._candidates in self._waiting:
            reason, passed = self._waiting.pop(self._candidates)
            self._candidates += 1
            self._judged += passed or reason is not None
            if reason is None:
                continue
            self._failed += 1
            self._last = reason
            if self._judged >= _FEWEST and self._failed > self._share * self._judged:
                self._stop(f"more than the share of {self._share:g} that --failures allows")

    def add_late(self, reason: str) -> None:
        """Count a candidate, which was counted as scored and accepted, among those that failed."""
        self._failed += 1
        self._last = reason

    def end(self) -> None:
        """Raise an EvaluatorError, if there were candidates: none is left that was accepted."""
        if self._candidates > 0:
            self._stop("so there is nothing to go on with")

    def _stop(self, why: str) -> None:
        filtered = self._candidates - self._judged
        if not self._failed:
            raise EvaluatorError(
                f"{self._what}: all {filtered} candidates were filtered out, {why}; start a new "
                "run in which more of them pass"
            )
        more = f" (and {filtered} were filtered out)" if filtered else ""
        raise EvaluatorError(
            f"{self._what}: {self._failed} of {self._judged} candidates failed{more}, {why}; the "
            f"last one: {self._last.rstrip('.')}. {self._then}"
        )

    def line(self, number: int, failure: str) -> str | None:
        """What to say when the candidate of this number fails: few lines, and each reason once."""
        if failure in self._said or len(self._said) == _MOST_SAID:
            return None
        self._said.add(failure)
        more = "; further reasons are only recorded" if len(self._said) == _MOST_SAID else ""
        return f"{self._what}: candidate {number + 1} failed: {in_short(failure)}{more}"
