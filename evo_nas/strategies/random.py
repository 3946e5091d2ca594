"""Random search: legal genomes from the prior, the best of them kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evo_nas.evaluator import Objective
from evo_nas.sampling import Sampler
from evo_nas.strategies.spos import Spos
from evo_nas.strategy import Settings, StagePlan


class RandomSearch(Spos):
    """SPOS's one flat stage in which nothing is bred: every candidate is a draw from the prior."""

    def begin(
        self,
        stage: StagePlan,
        sampler: Sampler,
        settings: Settings,
        objectives: Sequence[Objective],
    ) -> None:
        """Start the stage without parents."""
        super().begin(stage, sampler, replace(settings, crossover=0, mutation=0), objectives)
