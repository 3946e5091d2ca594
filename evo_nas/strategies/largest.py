"""The largest network that fits: a baseline without any search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Space

from .base import Proposal, Scored, Settings, StagePlan, Strategy, flat_stage


class Largest(Strategy):
    """A network with the highest FLOPs that the budget admits, drawn from those, retrained once.

    What a budget buys is mostly size, so a search has to beat the network that spends all of it.

    Source: Bender et al. 2020, "Can Weight Sharing Outperform Random Architecture Search?", where
    networks of equal cost are compared; this baseline is ours.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """One stage of one candidate, which is not scored."""
        flat = flat_stage(space, settings)
        return (StagePlan(flat.name, flat.level, candidates=1, finalists=1, scored=False),)

    def begin(
        self,
        stage: StagePlan,
        sampler: Sampler,
        settings: Settings,
        objectives: Sequence[Objective],
    ) -> None:
        """Start the stage."""
        self._feasible, self._asked = sampler.feasible, False

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        """The one genome."""
        if self._asked:
            return []
        self._asked = True
        return [Proposal(self._feasible.draw_largest(rng), "largest")]

    def tell(self, scored: Sequence[Scored]) -> None:
        """Nothing is learned."""
