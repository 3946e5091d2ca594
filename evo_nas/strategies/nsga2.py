"""NSGA-II: a whole Pareto front in one run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from deap import tools

from evo_nas.errors import SettingsError, nearest
from evo_nas.evaluation.evaluator import Objective

from .base import Scored, rank
from .evolution import Evolution
from .operators import FLOPS, Individual, individuals, lent_to_deap

_AT_A_TIME = 4  # individuals in DEAP's tournament


class Nsga2(Evolution):
    """The first objective against FLOPs; the finalists are spread over the Pareto front.

    Source: Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", as
    NSGA-Net (Lu et al. 2019) uses it for architectures.

    Args:
        against: another objective of the evaluator, such as ``latency``, instead of FLOPs.
    """

    def __init__(self, against: str = "flops") -> None:
        self.against = str(against)

    def start(self) -> None:
        super().start()
        self._goals = self.objectives[0], self._second(self.objectives)
        self.toolbox.register("individual", individuals(self._goals, self._values))
        self.toolbox.register("select", tools.selNSGA2, nd="log")
        self.population: list[Individual] = []
        self._contenders: list[Scored] = []

    def _second(self, objectives: Sequence[Objective]) -> Objective:
        others = {each.name: each for each in (FLOPS, *objectives[1:])}
        if self.against not in others:
            raise SettingsError(
                f"nsga2 cannot set {objectives[0].name} against {self.against!r}: "
                f"{nearest(self.against, others)}"
            )
        return others[self.against]

    def _values(self, scored: Scored) -> tuple[float, ...]:
        first, second = self._goals
        cost = scored.flops if second is FLOPS else scored.metrics[second.name]
        return scored.metrics[first.name], cost

    def aims(self, scored: Scored) -> tuple[float, ...]:
        values = zip(self._goals, self._values(scored), strict=True)
        return tuple(goal.sign * value for goal, value in values)

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
        survivors = min(self.settings.population, len(everybody))
        self.population = self.toolbox.select(everybody, survivors)

    def tell(self, scored: Sequence[Scored]) -> None:
        super().tell(scored)
        self._contenders = self._first_fronts([*self._contenders, *scored])

    def _first_fronts(self, scored: Sequence[Scored]) -> list[Scored]:
        """Of these, the first fronts, as many as there are finalists to choose.

        Each front has a member, so no finalist comes from behind them; and what is behind them
        stays there, whatever else is scored.
        """
        known = {one.genome: one for one in scored if one.metrics and one.accepted}
        individuals = [self.toolbox.individual(one) for one in known.values()]
        fronts = tools.sortLogNondominated(individuals, len(individuals))
        return [known[one.genome] for front in fronts[: self.stage.finalists] for one in front]

    def finalists(self, best: Sequence[Scored], count: int) -> list[Scored]:
        """Of everything scored, those that NSGA-II would let survive: spread over the front."""
        if not self._contenders:  # none was accepted, and DEAP cannot choose from nothing
            return []
        ranked = rank(self._contenders, self.objectives)
        individuals = [self.toolbox.individual(scored) for scored in ranked]
        chosen = {i.genome for i in self.toolbox.select(individuals, count)}
        return [scored for scored in ranked if scored.genome in chosen]
