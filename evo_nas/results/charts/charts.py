"""Charts as self-contained SVG: points with error bars, lines with bands, and limits.

Series differ by colour, and by marks or dashes as well, for paper without colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .chart import Plot
from .series import Limit, Line, Points

__all__ = ["Limit", "Line", "Points", "chart"]


def chart(
    series: Sequence[Points | Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    limits: Sequence[Limit] = (),
) -> str:
    """An SVG document with all series: lines above dots, and marks above both.

    Several are named in a legend: points in their order, then lines, the highest end first.
    """
    points = [each for each in series if isinstance(each, Points)]
    lines = [each for each in series if isinstance(each, Line)]
    across = [*_ends((g.x, g.x_errors) for g in points), *(x for line in lines for x in line.x)]
    up = [*_ends((g.y, g.y_errors) for g in points)]
    up += [y for line in lines for ys in (line.y, line.low, line.high) for y in ys]
    across += [limit.x for limit in limits]
    margin = 0.04 if points or limits else 0
    drawn = Plot(title, series, across, up, margin, bool(limits))
    drawn.frame(x_label, y_label)
    for limit in limits:
        drawn.limit(limit)
    for number, each in enumerate(series):
        if isinstance(each, Line) and each.low:
            drawn.band(each, number)
    for number, each in sorted(enumerate(series), key=lambda pair: _layer(pair[1])):
        if isinstance(each, Line):
            drawn.line(each, number)
        else:
            drawn.points(each, number)
    return drawn.drawing.document()


def _layer(series: Points | Line) -> int:
    """What is drawn later covers what was drawn before."""
    return 1 if isinstance(series, Line) else 0 if series.dots else 2


def _ends(sets: Iterable[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """All values, and the ends of their error bars."""
    ends: list[float] = []
    for values, errors in sets:
        ends += values
        ends += [v + s * e for v, e in zip(values, errors, strict=False) for s in (-1, 1)]
    return ends
