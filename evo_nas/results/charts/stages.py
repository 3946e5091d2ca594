"""A stage's charts: accuracy over FLOPs, and the search over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evo_nas.evaluation.evaluator import Objective
from evo_nas.results.candidates import Candidate, Finalist, Stage, as_scored
from evo_nas.sampling.limits import Limit
from evo_nas.strategies.base import pareto_front

from .chart import Limit as LimitLine
from .chart import Line, Points, chart

_MOST_DOTS = 3000
_FLOPS = "FLOPs at the target (multiply-accumulates)"


def flops_chart(stage: Stage, budget: Limit) -> str:
    """Score over FLOPs: all candidates, the best at each cost, the finalists and the winner.

    Where nothing was scored before retraining, the finalists' own scores.
    """
    shown = stage.objective if stage.candidates else stage.truth
    title = f"{stage.name}: {shown.name} against FLOPs"
    limits = []
    if budget.high < math.inf:
        limits.append(LimitLine("upper limit" if budget.least else "budget", budget.most))
    if budget.least:
        limits.append(LimitLine("lower limit", budget.least))
    if not stage.candidates:
        groups = (("finalist", stage.finalists[1:]), ("best finalist", stage.finalists[:1]))
        judged: list[Points | Line] = [
            _marks(name, [(f.evaluation.flops, f.score, _told(f)) for f in group])
            for name, group in groups
            if group
        ]
        return chart(judged, title=title, x_label=_FLOPS, y_label=shown.name, limits=limits)
    dots = thinned(stage.candidates)
    front = pareto_front([as_scored(c) for c in stage.ranked], stage.objective)[::-1]
    series: list[Points | Line] = [
        Points("candidate", [c.evaluation.flops for c in dots], [c.score for c in dots], dots=True),
    ]
    marked = [f for f in stage.finalists if f.searched]
    best = [f for f in marked if f.place == 1]
    for name, group in (("finalist", marked[len(best) :]), ("best finalist", best)):
        rows = [(f.evaluation.flops, f.searched.score, _told(f)) for f in group if f.searched]
        if rows:
            series.append(_marks(name, rows))
    heights = [scored.metrics[stage.objective.name] for scored in front]
    series.append(Line("best for its FLOPs", [scored.flops for scored in front], heights))
    return chart(
        series,
        title=title,
        x_label=_FLOPS,
        y_label=f"{shown.name} in the search",
        limits=limits,
    )


def _marks(name: str, rows: Sequence[tuple[int, float, str]]) -> Points:
    return Points(
        name, [x for x, _, _ in rows], [y for _, y, _ in rows], notes=[n for _, _, n in rows]
    )


def _told(finalist: Finalist) -> str:
    told = f"finalist {finalist.place}: {finalist.score:.4f} as a finalist"
    if finalist.searched:
        told += (
            f", {finalist.searched.score:.4f} in the search (candidate {finalist.searched.number})"
        )
    return f"{told}, {finalist.evaluation.flops:,} FLOPs"


def time_chart(stage: Stage) -> str:
    """Each candidate by its number, and the best so far."""
    dots = thinned(stage.candidates)
    best: list[tuple[int, float]] = []
    for candidate in stage.candidates:
        if not best or _better(candidate.score, best[-1][1], stage.objective):
            best.append((candidate.number, candidate.score))
    best.append((stage.candidates[-1].number, best[-1][1]))
    return chart(
        [
            Points("candidate", [c.number for c in dots], [c.score for c in dots], dots=True),
            Line("best so far", [x for x, _ in best], [y for _, y in best]),
        ],
        title=f"{stage.name}: the search over time",
        x_label="candidate, in the order proposed",
        y_label=f"{stage.objective.name} in the search",
    )


def _better(value: float, than: float, objective: Objective) -> bool:
    return value > than if objective.maximise else value < than


def thinned(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """So many of them, evenly spaced, as a drawing shows."""
    return candidates[:: max(1, -(-len(candidates) // _MOST_DOTS))]
