"""What passes a level of a cascade, by a reference sample that came to it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import NamedTuple

from evo_nas.errors import SettingsError
from evo_nas.evaluation.reference import Standing


class Gate(NamedTuple):
    """What passes a level: at least as good as ``threshold``; the others have a place."""

    threshold: float
    standing: Standing
    lowest: float  # the place of the worst of a sample of different scores

    @classmethod
    def of(cls, scores: Sequence[float], share: float) -> Gate:
        """That of a reference sample."""
        passing = max(round(share * len(scores)), 1)
        threshold = sorted(scores, reverse=True)[passing - 1]
        return cls(threshold, Standing(scores), 0.5 / len(scores))

    def place(self, value: float) -> float:
        """From 0 to 1: the place of what does not pass, however far it is below the sample."""
        place, lowest = self.standing.place(value), self.lowest
        return place if place >= lowest else lowest * exp(place / lowest - 1)


def level_shares(option: float | str, count: int) -> list[float]:
    """The numbers of the option ``shares``, as many as there are levels before the last."""
    try:
        shares = [float(share) for share in str(option).split(",")]
    except ValueError:
        shares = []
    if len(shares) == 1:
        shares *= count
    if len(shares) != count or not all(0 < share < 1 for share in shares):
        raise SettingsError(
            f"shares={option} must be numbers between 0 and 1, one for each of the {count} levels "
            "before the last, with commas between, or one for all"
        )
    return shares
