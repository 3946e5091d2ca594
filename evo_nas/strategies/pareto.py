"""Searches of several objectives: what they seek, and finalists spread over the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

from deap import tools

from evo_nas.errors import SettingsError, nearest
from evo_nas.evaluation.evaluator import Objective

from .additive import ScoredSearch
from .base import Scored, rank
from .goals import COSTS, values_of
from .operators import Individual, individuals


def survivors(individuals: Sequence[Individual], count: int) -> list[Individual]:
    """The best by front, then by crowding distance."""
    chosen: list[Individual] = tools.selNSGA2(individuals, count, nd="log")
    return chosen


class ParetoSearch(ScoredSearch):
    """A search for the first objective against others, whose finalists are spread over the front.

    Args:
        against: what the first objective is set against, one or several with commas between them:
            flops, params, and the evaluator's other objectives, such as ``latency``.
    """

    def __init__(self, against: str = "flops") -> None:
        self.against = str(against)

    def goals(self, objectives: Sequence[Objective]) -> tuple[Objective, ...]:
        first = objectives[0]
        others = {each.name: each for each in (*objectives[1:], *COSTS) if each.name != first.name}
        names = [name.strip() for name in self.against.split(",")]
        for name in names:
            if name not in others:
                known = nearest(name, others)
                raise SettingsError(f"cannot set {first.name} against {name!r}: {known}")
        if len(set(names)) < len(names):
            raise SettingsError(f"against is {self.against!r}; name each objective once")
        return (first, *(others[name] for name in names))

    def start(self) -> None:
        super().start()
        self._goals = self.goals(self.objectives)
        self._individual = individuals(self._goals, self._values)
        self._contenders: list[Scored] = []

    def _values(self, scored: Scored) -> tuple[float, ...]:
        return values_of(self._goals, self.sampler.space, scored)

    def aims(self, scored: Scored) -> tuple[float, ...]:
        values = zip(self._goals, self._values(scored), strict=True)
        return tuple(goal.sign * value for goal, value in values)

    def tell(self, scored: Sequence[Scored]) -> None:
        super().tell(scored)
        self._contenders = self._first_fronts([*self._contenders, *scored])

    def _first_fronts(self, scored: Sequence[Scored]) -> list[Scored]:
        """Of these, the first fronts, as many as there are finalists to choose.

        Each front has a member, so no finalist comes from behind them; and what is behind them
        stays there, whatever else is scored.
        """
        known = {one.genome: one for one in scored if one.metrics and one.accepted}
        individuals = [self._individual(one) for one in known.values()]
        fronts = tools.sortLogNondominated(individuals, len(individuals))
        return [known[one.genome] for front in fronts[: self.stage.finalists] for one in front]

    def finalists(self, best: Sequence[Scored], count: int) -> list[Scored]:
        """Of everything scored, those that NSGA-II would let survive: spread over the front."""
        if not self._contenders:  # none was accepted, and DEAP cannot choose from nothing
            return []
        ranked = rank(self._contenders, self.objectives)
        chosen = {
            each.genome for each in survivors([self._individual(one) for one in ranked], count)
        }
        return [scored for scored in ranked if scored.genome in chosen]
