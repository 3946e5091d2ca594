"""Charts as self-contained SVG: points with error bars, lines with bands, and limits.

Series differ by colour, and by marks or dashes as well, for paper without colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from .axes import Axis
from .svg import Drawing, fitted, text_width


@dataclass(frozen=True, slots=True)
class Points:
    """A group of points; errors are half the length of their bars, all given or none.

    ``notes`` say more of each point to those who hover over it. ``dots`` are small and see-through,
    for hundreds of points; ``joined`` ones have a thin line from each to the next.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    x_errors: Sequence[float] = ()
    y_errors: Sequence[float] = ()
    notes: Sequence[str] = ()
    dots: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A series in the order of x, each value of which holds until the next.

    Its band, ``low`` to ``high``, is given whole or not at all.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    @property
    def single(self) -> bool:
        """Whether it has one place alone, where a line would not be seen."""
        return self.x[0] == self.x[-1]


Limits = Sequence[tuple[str, float]]  # vertical lines, by name, and where they are


_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_WIDTH, _LABEL, _RIGHT = 500, 28, 488  # the drawing, what is left of its ticks, and the axis' end
_TITLE, _LEGEND_ROW, _PLOT, _FOOT = 32, 19, 240, 46  # heights


class _Plot:
    """Axes, a legend above them, and what is drawn between them."""

    def __init__(self, title: str, series: Sequence[Points | Line], limits: Limits) -> None:
        points = [each for each in series if isinstance(each, Points)]
        lines = [each for each in series if isinstance(each, Line)]
        across = [*_ends((each.x, each.x_errors) for each in points), *(x for _, x in limits)]
        across += [x for line in lines for x in line.x]
        up = _ends((each.y, each.y_errors) for each in points)
        up += [y for line in lines for ys in (line.y, line.low, line.high) for y in ys]
        self.drawing = Drawing(title, _WIDTH)
        heading = fitted(title, _WIDTH - 24, 15)
        self.drawing.text(12, 21, heading, "start", font_size=15, font_weight="bold")
        self.top = _TITLE + _LEGEND_ROW * self._legend(series) + (22 if limits else 10)
        self.bottom = self.top + _PLOT
        self.drawing.height = self.bottom + _FOOT
        self.y = Axis.around(up, self.bottom, self.top, ticks=6)
        self.left = round(_LABEL + max(text_width(number) for _, number in self.y.ticks))
        margin = 0.04 if points or limits else 0
        for ticks in (6, 4, 2, 1):  # fewer where their numbers are long
            self.x = Axis.around(across, self.left, _RIGHT, margin, ticks)
            if sum(text_width(f"{number}  ") for _, number in self.x.ticks) < _RIGHT - self.left:
                break

    def _legend(self, series: Sequence[Points | Line]) -> int:
        """Name the series where there are several; the number of rows that this takes."""
        if len(series) < 2:
            return 0
        order = sorted(
            range(len(series)),
            key=lambda i: (-s.y[-1],) if isinstance(s := series[i], Line) else (float("-inf"), i),
        )
        x, row = 12.0, 0
        for number in order:
            each = series[number]
            name = fitted(each.name, _WIDTH - 60, 13)
            needed = 34 + text_width(name) + 14
            if x > 12 and x + needed > _WIDTH:
                x, row = 12.0, row + 1
            y = _TITLE + _LEGEND_ROW * row + 8
            if isinstance(each, Line) and not each.single:
                self._stroke(f"M{x:.1f} {y}h26", number)
                x += 34
            else:
                dot = isinstance(each, Points) and each.dots
                self._mark(self.drawing.group(number), x + 5, y, number, dot=dot)
                x += 16
            self.drawing.text(x, y + 4.5, name, "start")
            x += text_width(name) + 14
        return row + 1

    def frame(self, x_label: str, y_label: str) -> None:
        """Axes with ticks and labels."""
        add, text = self.drawing.add, self.drawing.text
        for value, number in self.x.ticks:
            place = f"M{self.x.at(value):.1f} {self.top}V{self.bottom}"
            add("path", d=place, class_="grid", stroke="#e4e4e4")
            text(_within(self.x.at(value), number, 0, _WIDTH), self.bottom + 17, number)
        for value, number in self.y.ticks:
            place = f"M{self.left} {self.y.at(value):.1f}H{_RIGHT}"
            add("path", d=place, class_="grid", stroke="#e4e4e4")
            text(self.left - 6, self.y.at(value) + 4.5, number, "end")
        frame = f"M{self.left} {self.top}V{self.bottom}H{_RIGHT}"
        add("path", d=frame, class_="axis", stroke="#666", fill="none")
        text((self.left + _RIGHT) / 2, self.bottom + 37, fitted(x_label, _RIGHT - self.left, 13))
        middle = (self.top + self.bottom) / 2
        label = fitted(y_label, _PLOT, 13)
        text(14, middle, label, transform=f"rotate(-90 14 {middle})")

    def limit(self, name: str, place: float) -> None:
        """A dashed line from top to bottom, its name above it."""
        x = self.x.at(place)
        line = {"class_": "limit", "stroke": "#666", "stroke_dasharray": "5 4"}
        self.drawing.add("path", d=f"M{x:.1f} {self.top}V{self.bottom}", fill="none", **line)
        name = fitted(name, _RIGHT - self.left, 13)
        self.drawing.text(_within(x, name, self.left, _RIGHT), self.top - 5, name)

    def points(self, points: Points, number: int) -> None:
        """A group of points with their error bars."""
        bars = self.drawing.group(number, stroke="currentColor", stroke_opacity=0.45, fill="none")
        for i, (x, y) in enumerate(zip(points.x, points.y, strict=True)):
            if points.x_errors:
                self._bar(bars, x, y, points.x_errors[i], horizontal=True)
            if points.y_errors:
                self._bar(bars, x, y, points.y_errors[i], horizontal=False)
        if points.joined and len(points.x) > 1:
            way = self.drawing.group(number, stroke="currentColor", fill="none")
            self.drawing.add("path", way, d=f"M{self._path(points.x, points.y, steps=False)}")
        marks = self.drawing.group(number, **({"fill_opacity": 0.4} if points.dots else {}))
        for i, (x, y) in enumerate(zip(points.x, points.y, strict=True)):
            mark = self._mark(marks, self.x.at(x), self.y.at(y), number, dot=points.dots)
            if points.notes:
                self.drawing.add("title", mark).text = points.notes[i]

    def _mark(self, group: Element, x: float, y: float, number: int, *, dot: bool) -> Element:
        """A dot; or a circle, a square or a diamond by the group's number."""
        add = self.drawing.add
        if dot:
            return add("circle", group, cx=f"{x:.1f}", cy=f"{y:.1f}", r=2.5, fill="currentColor")
        look = {"fill": "currentColor", "stroke": "#fff", "class_": "mark"}
        if number % 3 == 0:
            return add("circle", group, cx=f"{x:.1f}", cy=f"{y:.1f}", r=5, **look)
        half = 4.5 if number % 3 == 1 else 5.5
        turn = f"rotate({45 * (number % 3 - 1)} {x:.1f} {y:.1f})"
        place = {"x": f"{x - half:.1f}", "y": f"{y - half:.1f}", "transform": turn}
        return add("rect", group, width=2 * half, height=2 * half, **place, **look)

    def _bar(self, group: Element, x: float, y: float, error: float, *, horizontal: bool) -> None:
        """An error bar around a point."""
        if horizontal:
            low, high, across = self.x.at(x - error), self.x.at(x + error), self.y.at(y)
            d = f"M{low:.1f} {across:.1f}m0 -3v6m0 -3H{high:.1f}m0 -3v6"
        else:
            low, high, across = self.y.at(y - error), self.y.at(y + error), self.x.at(x)
            d = f"M{across:.1f} {low:.1f}m-3 0h6m-3 0V{high:.1f}m-3 0h6"
        self.drawing.add("path", group, d=d)

    def _stroke(self, d: str, number: int) -> None:
        """A path in a series' colour and dashes."""
        dashes = _DASHES[number % len(_DASHES)] or "none"
        group = self.drawing.group(number, stroke="currentColor", fill="none", stroke_width=2)
        self.drawing.add("path", group, d=d, stroke_dasharray=dashes)

    def line(self, line: Line, number: int) -> None:
        """A series; one that has a single place is a mark."""
        if line.single:
            x, y = self.x.at(line.x[-1]), self.y.at(line.y[-1])
            self._mark(self.drawing.group(number), x, y, number, dot=False)
        else:
            self._stroke(f"M{self._path(line.x, line.y)}", number)

    def band(self, line: Line, number: int) -> None:
        """What lies between a series' low and high."""
        if line.single:
            bar = self.drawing.group(number, stroke="currentColor", stroke_opacity=0.45)
            low, high = self.y.at(line.low[-1]), self.y.at(line.high[-1])
            self.drawing.add("path", bar, d=f"M{self.x.at(line.x[-1]):.1f} {low:.1f}V{high:.1f}")
            return
        there = self._path(line.x, line.high)
        back = self._path(line.x, line.low).split("L")[::-1]
        group = self.drawing.group(number, fill="currentColor", fill_opacity=0.13)
        self.drawing.add("path", group, d=f"M{there}L{'L'.join(back)}Z")

    def _path(self, xs: Sequence[float], ys: Sequence[float], steps: bool = True) -> str:
        corners: list[tuple[float, float]] = []
        for x, y in zip(xs, ys, strict=True):
            if steps and corners:
                corners.append((x, corners[-1][1]))
            corners.append((x, y))
        return "L".join(f"{self.x.at(x):.1f} {self.y.at(y):.1f}" for x, y in corners)


def _within(x: float, text: str, left: float, right: float) -> float:
    """Where the middle of a text is nearest to ``x`` without its ends being outside."""
    half = text_width(text) / 2
    return min(max(x, left + half), right - half)


def _ends(sets: Iterable[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """All values, and the ends of their error bars."""
    ends: list[float] = []
    for values, errors in sets:
        ends += values
        ends += [v + s * e for v, e in zip(values, errors, strict=False) for s in (-1, 1)]
    return ends


def chart(
    series: Sequence[Points | Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    limits: Limits = (),
) -> str:
    """An SVG document with all series: lines above dots, and marks above both.

    Several are named in a legend: points in their order, then lines, the highest end first.
    """
    drawn = _Plot(title, series, limits)
    drawn.frame(x_label, y_label)
    for name, x in limits:
        drawn.limit(name, x)
    numbered = list(enumerate(series))
    for number, each in numbered:
        if isinstance(each, Line) and each.low:
            drawn.band(each, number)
    for number, each in numbered:
        if isinstance(each, Points) and each.dots:
            drawn.points(each, number)
    for number, each in numbered:
        if isinstance(each, Line):
            drawn.line(each, number)
    for number, each in numbered:
        if isinstance(each, Points) and not each.dots:
            drawn.points(each, number)
    return drawn.drawing.document()
