"""Random search, with and without a proxy score: the baselines of every comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Space

from .base import Settings, StagePlan
from .spos import Spos


class RandomSearch(Spos):
    """Legal genomes from the prior, scored by the evaluator, the best of them retrained.

    Source: Li and Talwalkar 2019, "Random Search and Reproducibility for Neural Architecture
    Search".
    """

    def begin(
        self,
        stage: StagePlan,
        sampler: Sampler,
        settings: Settings,
        objectives: Sequence[Objective],
    ) -> None:
        """Start the stage without parents."""
        super().begin(stage, sampler, replace(settings, crossover=0, mutation=0), objectives)


class RandomBaseline(RandomSearch):
    """A few legal genomes from the prior, all retrained and none scored: the paper's baseline.

    So that no score decides. The paper draws five.

    Source: Chen et al. 2021, "GLiT", section 4.3, Table 5.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """One stage that draws as many candidates as are retrained."""
        (stage,) = super().plan(space, settings)
        return (replace(stage, candidates=stage.finalists, scored=False),)
