"""A comparison's curves: the best so far over what had been spent."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from typing import TYPE_CHECKING

from evo_nas.core.plugins import registry
from evo_nas.results.charts.chart import Line, chart

if TYPE_CHECKING:
    from .report import Report, Row

_CURVE_POINTS = 200


def curves(found: Report, protocol: str) -> str:
    """The best so far over what had been spent, of each strategy under a protocol, as SVG."""
    rows = found.of(protocol)
    end = max(outcome.curve[-1][0] for row in rows for outcome in row.outcomes)
    return chart(
        [_line(row, end) for row in rows],
        title=f"Best so far, mean of {len(found.comparison.seeds)} seeds and its standard error",
        x_label=f"cost in {found.unit}",
        y_label=found.measure.replace("test", "validation"),
    )


def _line(row: Row, end: int) -> Line:
    """The mean of the runs' curves, from where all of them have found something to ``end``.

    Who has spent less keeps what it found.
    """
    curves = [([x for x, _ in o.curve], [y for _, y in o.curve]) for o in row.outcomes]
    start = max(xs[0] for xs, _ in curves)
    places = sorted({x for xs, _ in curves for x in xs if x >= start} | {end})
    step = -(-len(places) // _CURVE_POINTS)
    places = sorted({*places[::step], places[-1]})
    columns = [[ys[bisect_right(xs, x) - 1] for xs, ys in curves] for x in places]
    means = [statistics.fmean(column) for column in columns]
    errors = [
        statistics.stdev(column) / math.sqrt(len(column)) if len(column) > 1 else 0.0
        for column in columns
    ]
    return Line(
        registry.short(row.strategy),
        [float(x) for x in places],
        means,
        [mean - error for mean, error in zip(means, errors, strict=True)],
        [mean + error for mean, error in zip(means, errors, strict=True)],
    )
