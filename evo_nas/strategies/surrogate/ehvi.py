"""Search of several objectives by the expected improvement of the hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from evo_nas.core.plugins.options import at_least
from evo_nas.evaluation.warping import half_ranked
from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Scored
from evo_nas.strategies.goals import COSTS
from evo_nas.strategies.pareto import ParetoSearch

from .hypervolume import ExpectedHypervolumeImprovement
from .process import GaussianProcess
from .search import SurrogateSearch

_DRAWS = 8  # of objectives to be modelled besides the first


class Ehvi(ParetoSearch, SurrogateSearch):
    """A Gaussian process picks children that may enlarge the hypervolume of the Pareto front most.

    It models the first objective, and others have a process each; FLOPs and parameters are known
    before an evaluation. Children are bred from the front.

    Source: Emmerich et al. 2006, "Single- and multiobjective evolutionary optimization assisted by
    Gaussian random field metamodels": expected hypervolume improvement.
    """

    def __init__(
        self,
        against: str = "flops",
        *,
        first: Annotated[int, at_least(1)] = 20,
        batch: Annotated[int, at_least(1)] = 5,
        pool: Annotated[int, at_least(1)] = 300,
    ) -> None:
        ParetoSearch.__init__(self, against)
        SurrogateSearch.__init__(self, first=first, batch=batch, pool=pool)

    def start(self) -> None:
        super().start()
        others = range(1, len(self._goals))
        self._known = [i for i in others if self._goals[i] in COSTS]
        self._modelled = [0, *(i for i in others if i not in self._known)]
        self._processes = [GaussianProcess(self.kernel) for _ in self._modelled]
        self._genomes: list[Genome] = []
        self._raised = np.zeros((0, len(self._goals)))  # what is sought, the more the better

    def learn(self, scored: Sequence[Scored]) -> None:
        self._genomes += [one.genome for one in scored]
        self._raised = np.vstack([self._raised, [self.aims(one) for one in scored]])

    def fit(self, rng: np.random.Generator) -> tuple[list[Genome], ExpectedHypervolumeImprovement]:
        for goal, process in zip(self._modelled, self._processes, strict=True):
            process.fit(self.encoded, half_ranked(self._raised[:, goal]))
        draws = _DRAWS if len(self._modelled) > 1 else 1  # nothing is to be drawn
        acquisition = ExpectedHypervolumeImprovement(
            self._processes,
            self._costs,
            -self._raised[:, self._known],
            rng.standard_normal((draws, len(self._modelled) - 1)),
        )
        return [self._genomes[i] for i in acquisition.front()], acquisition

    def _costs(self, genomes: Sequence[Genome]) -> Floats:
        """Those that are known before an evaluation, (genomes, known)."""
        names = [self._goals[i].name for i in self._known]
        costs = [self.sampler.space.costs(genome) for genome in genomes]
        return np.array([[cost[name] for name in names] for cost in costs], dtype=np.float64)
