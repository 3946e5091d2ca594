"""Charts of a stage that seeks several objectives: how its hypervolume grew, and all trade-offs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_nas.core.plugins import registry
from evo_nas.errors import RunError, SettingsError
from evo_nas.results.candidates import Stage, as_scored
from evo_nas.sampling.tables import Floats
from evo_nas.search.config import Config
from evo_nas.space.space import Space
from evo_nas.strategies.checks import goals_of
from evo_nas.strategies.goals import COSTS, values_of

from .chart import Line, chart
from .notebook import Figure
from .parallel import Column, Group, parallel_coordinates

_MOST_LINES = 300


@dataclass(frozen=True, slots=True)
class Front:
    """A stage's candidates by what it seeks: their ``losses`` (candidates, goals), in order.

    Losses run from 0, the best of all candidates, to 1, the worst. ``columns`` are the goals as
    they were measured, and then the costs that were not sought and differ.
    """

    stage: Stage
    losses: Floats
    columns: tuple[Column, ...]

    @property
    def hypervolume(self) -> Figure:
        """The share of the box from the worst to the best that was dominated so far."""
        numbers, volumes = self.hypervolumes()
        last = self.stage.candidates[-1].number
        title = f"{self.stage.name}: hypervolume"
        drawn = chart(
            [Line("hypervolume", [*numbers, last], [*volumes, volumes[-1]])],
            title=title,
            x_label="candidate, in the order proposed",
            y_label="share dominated, worst to best",
        )
        return Figure(title, drawn)

    @property
    def trade_offs(self) -> Figure:
        """All candidates, evenly thinned, above them the front, and on top the finalists."""
        import moocore  # which takes a tenth of a second

        candidates = self.stage.candidates
        finalists = {each.evaluation.genome for each in self.stage.finalists}
        step = -(-len(candidates) // _MOST_LINES)
        indices = {
            "candidate": range(0, len(candidates), step),
            "Pareto front": np.flatnonzero(moocore.is_nondominated(self.losses)).tolist(),
            "finalist": [i for i, c in enumerate(candidates) if c.evaluation.genome in finalists],
        }
        groups = [
            Group(name, which, [f"candidate {candidates[i].number}" for i in which])
            for name, which in indices.items()
        ]
        title = f"{self.stage.name}: trade-offs"
        return Figure(title, parallel_coordinates(self.columns, groups, title=title))

    def hypervolumes(self) -> tuple[list[int], list[float]]:
        """Numbers of the candidates that enlarged the hypervolume, and what it was then."""
        import moocore

        front, numbers, volumes = self.losses[:0], list[int](), list[float]()
        for candidate, point in zip(self.stage.candidates, self.losses, strict=True):
            if not (front <= point).all(axis=1).any():
                front = np.vstack([front[~(point <= front).all(axis=1)], point])
                numbers.append(candidate.number)
                volumes.append(float(moocore.hypervolume(front, ref=1.0)))
        return numbers, volumes


def read_front(stage: Stage, config: Config, space: Space) -> Front:
    """What is drawn of a stage.

    Raises:
        RunError: the strategy seeks one objective alone, or nothing was scored.
        EvoNasError: the strategy or the evaluator cannot be loaded any more.
    """
    strategy = registry.load("strategy", config.strategy)
    try:
        goals = goals_of(strategy, [stage.objective])
    except SettingsError:  # what else the evaluator measures is sought, so it is asked
        goals = goals_of(strategy, registry.load("evaluator", config.evaluator).objectives)
    if len(goals) < 2 or not stage.candidates:
        raise RunError(f"the search of {stage.name} seeks {goals[0].name} alone, or scored nothing")
    shown = (*goals, *(cost for cost in COSTS if cost.name not in {goal.name for goal in goals}))
    values = np.array([values_of(shown, space, as_scored(each)) for each in stage.candidates])
    losses = values[:, : len(goals)] * [-goal.sign for goal in goals]
    ranges = np.ptp(losses, axis=0)
    columns = tuple(
        Column(goal.name, column.tolist(), goal.maximise)
        for goal, column in zip(shown, values.T, strict=True)
        if goal in goals or np.ptp(column) > 0
    )
    return Front(stage, (losses - losses.min(axis=0)) / np.where(ranges > 0, ranges, 1.0), columns)
