"""A comparison's curves: the best so far over what had been spent."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from evo_nas.evaluation.evaluator import Objective
from evo_nas.results.charts.chart import Line, chart
from evo_nas.results.result import Result
from evo_nas.search.store.rungs import last_measured

Curve = tuple[tuple[int, float], ...]  # what had been spent, and the best found until then
_CURVE_POINTS = 200


def best_so_far(result: Result, objective: Objective) -> Iterator[tuple[int, float]]:
    """Spent so far, and the best so far of what is comparable over a whole run.

    That is what the retrainer said; without images, when every evaluation costs the same, it is
    what the evaluator said.
    """
    by_images = bool(result.cost.passes)
    spent, best = 0, -math.inf if objective.maximise else math.inf
    for stage in result.stages:
        training = result.images.get((stage, "training"))
        spent += training.passes if training else 0
        search, finalists = result.of(stage, "search"), result.of(stage, "finalists")
        telling = last_measured(finalists) if by_images or not search else search
        for evaluation in (*search, *finalists):
            spent += evaluation.images.passes if by_images else 1
            if evaluation in telling and objective.name in evaluation.metrics:
                value = evaluation.metrics[objective.name]
                best = max(best, value) if objective.maximise else min(best, value)
                yield spent, best


def draw_curves(
    found: Sequence[tuple[str, Sequence[Curve]]], *, title: str, cost: str, measure: str
) -> str:
    """The curves of each strategy's runs as one line, as SVG."""
    end = max(curve[-1][0] for _, curves in found for curve in curves)
    lines = [_line(name, curves, end) for name, curves in found]
    return chart(lines, title=title, x_label=f"cost in {cost}", y_label=measure)


def _line(name: str, curves: Sequence[Curve], end: int) -> Line:
    """The mean of the runs' curves, from where all of them have found something to ``end``.

    Who has spent less keeps what it found.
    """
    split = [([x for x, _ in curve], [y for _, y in curve]) for curve in curves]
    start = max(xs[0] for xs, _ in split)
    places = sorted({x for xs, _ in split for x in xs if x >= start} | {end})
    step = -(-len(places) // _CURVE_POINTS)
    places = sorted({*places[::step], places[-1]})
    columns = [[ys[bisect_right(xs, x) - 1] for xs, ys in split] for x in places]
    points = []
    for column in columns:
        mean, several = statistics.fmean(column), len(column) > 1
        error = statistics.stdev(column) / math.sqrt(len(column)) if several else 0.0
        points.append((mean, mean - error, mean + error))
    return Line(name, [float(x) for x in places], *map(list, zip(*points, strict=True)))
