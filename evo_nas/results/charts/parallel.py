"""Parallel coordinates: an axis for each quantity, a line for each thing that has them, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.sampling.limits import format_amount

from .axes import Axis
from .svg import Drawing, fitted, text_width

_WIDTH, _MARGIN, _ENDS = 500, 12, 58  # the drawing, its edge, and what is beside the outer axes
_LEGEND, _NAMES, _TOP, _BOTTOM, _HEIGHT = 43, 72, 98, 318, 344
_LOOKS = (  # of the groups: behind, above it, and on top
    {"stroke_opacity": 0.25},
    {"stroke_width": 1.5},
    {"stroke_width": 2, "stroke_dasharray": "7 3"},
)


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity by name, with a value of each thing; what is good is at the top of its axis."""

    name: str
    values: Sequence[float]
    maximise: bool

    def axis(self) -> Axis:
        """From worst to best."""
        ends = (_BOTTOM, _TOP) if self.maximise else (_TOP, _BOTTOM)
        return Axis.around(self.values, *ends, margin=0)


@dataclass(frozen=True, slots=True)
class Group:
    """Things by ``indices`` that are drawn alike, with what is told of each to who hovers."""

    name: str
    indices: Sequence[int]
    notes: Sequence[str]


def parallel_coordinates(columns: Sequence[Column], groups: Sequence[Group], *, title: str) -> str:
    """Lines over two columns or more, in up to three groups, the last on top."""
    drawing = Drawing(title, _WIDTH, _HEIGHT)
    heading = fitted(title, _WIDTH - 2 * _MARGIN, 15)
    drawing.text(_MARGIN, 21, heading, "start", font_size=15, font_weight="bold")
    gap = (_WIDTH - 2 * _ENDS) / (len(columns) - 1)
    places = [_ENDS + gap * number for number in range(len(columns))]
    axes = [column.axis() for column in columns]
    left = float(_MARGIN)
    for number, group in enumerate(groups):
        lines = drawing.group(number, stroke="currentColor", fill="none", **_LOOKS[number])
        drawing.add("path", lines, d=f"M{left:.1f} {_LEGEND}h26")
        drawing.text(left + 34, _LEGEND + 4.5, group.name, "start")
        left += 34 + text_width(group.name) + 14
        for index, note in zip(group.indices, group.notes, strict=True):
            heights = (a.at(c.values[index]) for a, c in zip(axes, columns, strict=True))
            corners = (f"{x:.1f} {y:.1f}" for x, y in zip(places, heights, strict=True))
            drawing.add("title", drawing.add("path", lines, d=f"M{'L'.join(corners)}")).text = note
    for x, column in zip(places, columns, strict=True):
        drawing.add("path", d=f"M{x:.1f} {_TOP}V{_BOTTOM}", class_="axis", stroke="#666")
        drawing.text(x, _NAMES, fitted(column.name, min(gap, 2 * _ENDS) - 8, 13))
        ends = sorted((min(column.values), max(column.values)), reverse=column.maximise)
        for end, y in zip(ends, (_TOP - 8, _BOTTOM + 17), strict=True):
            drawing.text(x, y, _number(end))
    return drawing.document()


def _number(value: float) -> str:
    whole = float(value).is_integer() and abs(value) >= 1000
    return format_amount(int(value)) if whole else f"{value:.4g}"
