"""Rungs of successive halving: all train a little, the best go on, the last train to the end.

Each network follows the schedule of its whole training and is merely stopped early, so those that
come to the end are what they would have become alone (Jamieson & Talwalkar 2016, Algorithm 1).

Why: docs/decisions/044-halving.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evo_nas.space.space import Genome

from .evaluator import Evaluator

EPOCHS = "epochs"  # the metric that says after how many epochs the others were measured


class Rung(NamedTuple):
    """The part of trainings from the end of one epoch to the end of another, 0 being the start.

    ``width`` networks are to go through it.
    """

    begin: int
    end: int
    width: int


def ladder(count: int, keep: int, epochs: int) -> list[Rung]:
    """The rungs of ``count`` networks, of which one in ``keep`` goes on from each rung to the next.

    There are as many as leave one network in the end, or as the epochs have room for: the last ends
    after all ``epochs``, the one before after one ``keep``-th of them, and so on, and the first
    after one epoch at least.
    """
    steps = 0
    while keep > 1 and keep**steps < count and keep ** (steps + 1) <= epochs:
        steps += 1
    ends = [epochs // keep ** (steps - step) for step in range(steps + 1)]
    widths = [-(-count // keep**step) for step in range(steps + 1)]
    return [Rung(*each) for each in zip([0, *ends], ends, widths, strict=False)]


class AtRung(Evaluator):
    """An evaluator that ``pauses``, as it answers at one rung."""

    def __init__(self, evaluator: Evaluator, rung: Rung) -> None:
        self._evaluator, self._rung = evaluator, rung
        self.objectives = evaluator.objectives

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        begin, end, _ = self._rung
        metrics = self._evaluator.evaluate_part(genome, begin, end)
        return {**metrics, EPOCHS: float(end)}
