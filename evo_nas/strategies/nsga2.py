"""NSGA-II: a whole Pareto front in one run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from deap import tools

from .evolution import Evolution
from .operators import Individual, lent_to_deap
from .pareto import ParetoSearch, survivors

_AT_A_TIME = 4  # individuals in DEAP's tournament


class Nsga2(ParetoSearch, Evolution):
    """The first objective against FLOPs; the finalists are spread over the Pareto front.

    Source: Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", as
    NSGA-Net (Lu et al. 2019) uses it for architectures.
    """

    def start(self) -> None:
        super().start()
        self.toolbox.register("individual", self._individual)
        self.toolbox.register("select", survivors)
        self.population: list[Individual] = []

    def choose_parents(self, rng: np.random.Generator) -> Sequence[Individual]:
        """The population's winners of tournaments by dominance, then by crowding distance."""
        most = len(self.population) // _AT_A_TIME * _AT_A_TIME
        if not most:
            return self.population
        with lent_to_deap(rng):
            chosen: list[Individual] = tools.selTournamentDCD(self.population[:most], most)
        return chosen

    def remember(self, individuals: Sequence[Individual]) -> None:
        """Of parents and children the best by front, then by crowding distance, survive."""
        everybody = [*self.population, *individuals]
        count = min(self.settings.population, len(everybody))
        self.population = self.toolbox.select(everybody, count)
