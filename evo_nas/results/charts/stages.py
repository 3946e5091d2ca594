"""A stage's charts: accuracy over FLOPs, and the search over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evo_nas.errors import counted
from evo_nas.results.candidates import Candidate, Finalist, Stage, as_scored
from evo_nas.sampling.limits import Limit
from evo_nas.strategies.base import pareto_front

from .chart import Line, Points, chart

_MOST_DOTS = 3000


def flops_chart(stage: Stage, budget: Limit) -> str:
    """Score over FLOPs: all candidates, the best at each cost, the finalists and the winner.

    Where nothing was scored before retraining, the finalists' own scores.
    """
    limits = []
    if budget.high < math.inf:
        limits.append(("upper limit" if budget.least else "budget", float(budget.most)))
    if budget.least:
        limits.append(("lower limit", float(budget.least)))
    searched = bool(stage.candidates)
    series: list[Points | Line] = []
    if searched:
        dots = thinned(stage.candidates)
        flops, scores = [c.evaluation.flops for c in dots], [c.score for c in dots]
        series.append(Points("candidate", flops, scores, dots=True))
    for name, group in (("finalist", stage.finalists[1:]), ("best finalist", stage.finalists[:1])):
        shown = [(f, f.searched or f) for f in group if f.searched or not searched]
        if shown:
            flops, scores = [f.evaluation.flops for f, _ in shown], [s.score for _, s in shown]
            series.append(Points(name, flops, scores, notes=[_told(f) for f, _ in shown]))
    if searched:
        front = pareto_front([as_scored(c) for c in stage.ranked], stage.objective)[::-1]
        heights = [scored.metrics[stage.objective.name] for scored in front]
        series.append(Line("best for its FLOPs", [scored.flops for scored in front], heights))
    metric = stage.objective.name if searched else stage.truth.name
    return chart(
        series,
        title=f"{stage.name}: {metric} against FLOPs",
        x_label="FLOPs at the target (multiply-accumulates)",
        y_label=f"{metric} in the search" if searched else metric,
        limits=limits,
    )


def _told(finalist: Finalist) -> str:
    told = f"finalist {finalist.place}: {finalist.score:.4f} as a finalist"
    if finalist.epochs is not None:
        told += f" after {counted(finalist.epochs, 'epoch')}"
    if finalist.searched:
        told += (
            f", {finalist.searched.score:.4f} in the search (candidate {finalist.searched.number})"
        )
    return f"{told}, {finalist.evaluation.flops:,} FLOPs"


def time_chart(stage: Stage) -> str:
    """Each candidate by its number, and the best so far."""
    dots, sign = thinned(stage.candidates), stage.objective.sign
    best: list[tuple[int, float]] = []
    for candidate in stage.candidates:
        if not best or sign * candidate.score > sign * best[-1][1]:
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


def thinned(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """So many of them, evenly spaced, as a drawing shows."""
    return candidates[:: max(1, -(-len(candidates) // _MOST_DOTS))]
