"""Evolution that asks a surrogate which of its many children are worth an evaluation.

The surrogate is a Gaussian process, and children are chosen by expected improvement, as in Bayesian
optimisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from deap import tools

from evo_nas.core.plugins.options import at_least
from evo_nas.evaluation.warping import half_ranked
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.additive import By
from evo_nas.strategies.base import Scored, StagePlan
from evo_nas.strategies.evolution import Hierarchical
from evo_nas.strategies.settings import Settings

from .acquisition import ExpectedImprovement
from .process import GaussianProcess
from .search import SurrogateSearch


class Surrogate(SurrogateSearch):
    """A Gaussian process of the first objective picks children by expected improvement.

    Other objectives only break ties among parents.

    Source: Jin 2011, "Surrogate-assisted evolutionary computation: recent advances and future
    challenges"; children are chosen by expected improvement (Jones et al. 1998, "Efficient Global
    Optimization of Expensive Black-Box Functions") of a Gaussian process.

    Args:
        levels: search level by level, as the hierarchical strategy does, and not all at once.
    """

    def __init__(
        self,
        *,
        first: Annotated[int, at_least(1)] = 20,
        batch: Annotated[int, at_least(1)] = 5,
        pool: Annotated[int, at_least(1)] = 300,
        levels: bool = False,
        finalists: By = "scores",
    ) -> None:
        super().__init__(first=first, batch=batch, pool=pool, finalists=finalists)
        self._levels = levels

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        if self._levels:
            return Hierarchical().plan(space, settings)
        return super().plan(space, settings)

    def start(self) -> None:
        super().start()
        self.hall_of_fame = tools.HallOfFame(self.settings.parents)
        self._process = GaussianProcess(self.kernel)
        self._scores: list[float] = []

    def learn(self, scored: Sequence[Scored]) -> None:
        self.hall_of_fame.update([self.toolbox.individual(s) for s in scored])
        goal = self.objectives[0]
        self._scores += [goal.sign * s.metrics[goal.name] for s in scored]

    def fit(self, rng: np.random.Generator) -> tuple[list[Genome], ExpectedImprovement]:
        self._process.fit(self.encoded, half_ranked(np.array(self._scores)))
        parents = [individual.genome for individual in self.hall_of_fame]
        return parents, ExpectedImprovement(self._process)
