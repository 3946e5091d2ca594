"""What searches of several objectives seek: metrics of an evaluator, and costs of genomes."""

from __future__ import annotations

from collections.abc import Sequence

from evo_nas.evaluation.evaluator import Objective
from evo_nas.space.space import Space

from .base import Scored

FLOPS = Objective("flops", maximise=False)
COSTS = (FLOPS, Objective("params", maximise=False))  # known of any genome, without evaluation


def values_of(goals: Sequence[Objective], space: Space, scored: Scored) -> tuple[float, ...]:
    """The values of a scored candidate, whose costs are those of the genome itself."""

    def value(goal: Objective) -> float:
        if goal is FLOPS:
            return scored.flops
        return (space.costs(scored.genome) if goal in COSTS else scored.metrics)[goal.name]

    return tuple(map(value, goals))
