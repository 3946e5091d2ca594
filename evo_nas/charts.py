"""Charts as self-contained SVG: points with error bars, and lines with bands.

Colours are those of Okabe and Ito, told apart by colour-blind people too; marks and dashes differ
as well, for paper without colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from .axes import Axis

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_WIDTH, _HEIGHT = 640, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 72, 44, 620, 366  # where the axes are
_CAP = 3  # half the width of an error bar's end


@dataclass(frozen=True, slots=True)
class Points:
    """A group of points; errors are half the length of their bars, all given or none."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    x_errors: Sequence[float] = ()
    y_errors: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A series in the order of x; its band, ``low`` to ``high``, is given whole or not at all."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def scatter(groups: Sequence[Points], *, title: str, x_label: str, y_label: str) -> str:
    """An SVG document with the points of each group."""
    x_axis = Axis.around(_ends((g.x, g.x_errors) for g in groups), _LEFT, _RIGHT)
    y_axis = Axis.around(_ends((g.y, g.y_errors) for g in groups), _BOTTOM, _TOP)
    chart = _Chart(title, x_label, y_label, x_axis, y_axis, [group.name for group in groups])
    for number, group in enumerate(groups):
        colour = _COLOURS[number % len(_COLOURS)]
        for i, (x, y) in enumerate(zip(group.x, group.y, strict=True)):
            if group.x_errors:
                chart.bar(x, y, group.x_errors[i], colour, horizontal=True)
            if group.y_errors:
                chart.bar(x, y, group.y_errors[i], colour, horizontal=False)
        for x, y in zip(group.x, group.y, strict=True):
            chart.mark(x_axis.at(x), y_axis.at(y), number)
        if len(groups) > 1:
            chart.mark(_RIGHT + 20, _TOP + 8 + 20 * number, number)
            chart.text(_RIGHT + 32, _TOP + 12 + 20 * number, group.name, "start")
    return chart.document()


def lines(
    series: Sequence[Line], *, title: str, x_label: str, y_label: str, steps: bool = True
) -> str:
    """An SVG document with a line for each series; ``steps``: a value holds until the next."""
    heights = [y for line in series for ys in (line.y, line.low, line.high) for y in ys]
    x_axis = Axis.around([x for line in series for x in line.x], _LEFT, _RIGHT, margin=0)
    y_axis = Axis.around(heights, _BOTTOM, _TOP)
    chart = _Chart(title, x_label, y_label, x_axis, y_axis, [line.name for line in series])
    for number, line in enumerate(series):
        chart.band(line, number, steps)
    for number, line in enumerate(series):
        chart.line(line, number, steps)
    if len(series) > 1:
        best_first = sorted(range(len(series)), key=lambda i: -series[i].y[-1])
        for row, number in enumerate(best_first):
            y = _TOP + 8 + 20 * row
            chart.stroke(f"M{_RIGHT + 12} {y}h24", number)
            chart.text(_RIGHT + 42, y + 4, series[number].name, "start")
    return chart.document()


def _ends(sets: Iterable[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """All values, and the ends of their error bars."""
    ends: list[float] = []
    for values, errors in sets:
        ends += values
        ends += [v + s * e for v, e in zip(values, errors, strict=False) for s in (-1, 1)]
    return ends


class _Chart:
    """Axes, and what is drawn between them."""

    def __init__(
        self, title: str, x_label: str, y_label: str, x_axis: Axis, y_axis: Axis, names: list[str]
    ) -> None:
        self.x, self.y = x_axis, y_axis
        # A legend stands beside the axes: 42 pixels to its text, and about 7 a letter.
        width = _WIDTH + (30 + 7 * max(map(len, names)) if len(names) > 1 else 0)
        self._svg = ElementTree.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "role": "img",
            "viewBox": f"0 0 {width} {_HEIGHT}", "width": str(width), "height": str(_HEIGHT),
            "font-family": "Helvetica, Arial, sans-serif", "font-size": "12", "fill": "#222",
        })  # fmt: skip
        self._add("title").text = title
        self._add("rect", width=width, height=_HEIGHT, fill="#fff")
        for value, number in x_axis.ticks:
            self._add("path", d=f"M{x_axis.at(value):.1f} {_TOP}V{_BOTTOM}", stroke="#e4e4e4")
            self.text(x_axis.at(value), _BOTTOM + 18, number)
        for value, number in y_axis.ticks:
            self._add("path", d=f"M{_LEFT} {y_axis.at(value):.1f}H{_RIGHT}", stroke="#e4e4e4")
            self.text(_LEFT - 8, y_axis.at(value) + 4, number, "end")
        self._add("path", d=f"M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}", stroke="#666", fill="none")
        self.text(_LEFT, 26, title, "start", **{"font-size": "15", "font-weight": "bold"})
        self.text((_LEFT + _RIGHT) / 2, _HEIGHT - 14, x_label)
        middle = (_TOP + _BOTTOM) / 2
        self.text(18, middle, y_label, transform=f"rotate(-90 18 {middle})")

    def document(self) -> str:
        """The SVG, as text."""
        ElementTree.indent(self._svg, "")
        return ElementTree.tostring(self._svg, encoding="unicode") + "\n"

    def _add(self, tag: str, **attributes: object) -> ElementTree.Element:
        named = {name.replace("_", "-"): str(value) for name, value in attributes.items()}
        return ElementTree.SubElement(self._svg, tag, named)

    def text(self, x: float, y: float, text: str, anchor: str = "middle", **more: object) -> None:
        """Text at pixels."""
        self._add("text", x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **more).text = text

    def mark(self, x: float, y: float, number: int) -> None:
        """A circle, a square or a diamond at pixels, by the group's number."""
        colour = {"fill": _COLOURS[number % len(_COLOURS)], "stroke": "#fff"}
        if number % 3 == 0:
            self._add("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4.5, **colour)
            return
        turn = f"rotate({45 * (number % 3 - 1)} {x:.1f} {y:.1f})"
        place = {"x": f"{x - 4:.1f}", "y": f"{y - 4:.1f}", "transform": turn}
        self._add("rect", width=8, height=8, **place, **colour)

    def bar(self, x: float, y: float, error: float, colour: str, *, horizontal: bool) -> None:
        """An error bar around a point."""
        if horizontal:
            low, high, across = self.x.at(x - error), self.x.at(x + error), self.y.at(y)
            ends = f"m0 {-_CAP}v{2 * _CAP}"
            d = f"M{low:.1f} {across:.1f}{ends}m0 {-_CAP}H{high:.1f}{ends}"
        else:
            low, high, across = self.y.at(y - error), self.y.at(y + error), self.x.at(x)
            ends = f"m{-_CAP} 0h{2 * _CAP}"
            d = f"M{across:.1f} {low:.1f}{ends}m{-_CAP} 0V{high:.1f}{ends}"
        self._add("path", d=d, stroke=colour, fill="none", stroke_opacity=0.45)

    def stroke(self, d: str, number: int) -> None:
        """A path in a series' colour and dashes."""
        dashes = _DASHES[number % len(_DASHES)] or "none"
        colour = _COLOURS[number % len(_COLOURS)]
        self._add("path", d=d, stroke=colour, fill="none", stroke_width=2, stroke_dasharray=dashes)

    def line(self, line: Line, number: int, steps: bool) -> None:
        """A series."""
        self.stroke("M" + self._path(line.x, line.y, steps), number)

    def band(self, line: Line, number: int, steps: bool) -> None:
        """What lies between a series' low and high."""
        if line.low:
            there = self._path(line.x, line.high, steps)
            back = self._path(line.x, line.low, steps).split("L")[::-1]
            self._add("path", d=f"M{there}L{'L'.join(back)}Z", fill_opacity=0.13,
                      fill=_COLOURS[number % len(_COLOURS)])  # fmt: skip

    def _path(self, xs: Sequence[float], ys: Sequence[float], steps: bool) -> str:
        corners: list[tuple[float, float]] = []
        for x, y in zip(xs, ys, strict=True):
            if steps and corners:
                corners.append((x, corners[-1][1]))
            corners.append((x, y))
        return "L".join(f"{self.x.at(x):.1f} {self.y.at(y):.1f}" for x, y in corners)
