"""A scatter plot in characters, for terminals."""

from __future__ import annotations

from collections.abc import Sequence

from .axes import Axis

_WIDTH, _HEIGHT = 60, 15
_MARK, _MARKS = "o", "8"  # one point in a place, several


def text_scatter(x: Sequence[float], y: Sequence[float], *, x_label: str, y_label: str) -> str:
    """Points in a field that 80 columns have room for, numbers and labels around it."""
    x_axis = Axis.around(x, 0, _WIDTH - 1, margin=0.02)
    y_axis = Axis.around(y, _HEIGHT - 1, 0, margin=0.02)
    field = [[" "] * _WIDTH for _ in range(_HEIGHT)]
    for a, b in zip(x, y, strict=True):
        row, column = round(y_axis.at(b)), round(x_axis.at(a))
        field[row][column] = _MARK if field[row][column] == " " else _MARKS
    numbers = {round(y_axis.at(tick)): number for tick, number in y_axis.ticks}
    room = max(map(len, numbers.values()))
    rows = [
        f"{numbers.get(row, ''):>{room}} {'┤' if row in numbers else '│'}{''.join(cells)}".rstrip()
        for row, cells in enumerate(field)
    ]
    axis, below = ["─"] * _WIDTH, [" "] * (_WIDTH + room)
    for tick, text in x_axis.ticks:
        column = round(x_axis.at(tick))
        axis[column] = "┬"
        start = min(max(0, column - len(text) // 2), _WIDTH + room - len(text))
        below[start : start + len(text)] = text
    indent = " " * (room + 2)
    return "\n".join([
        y_label, *rows, f"{' ' * (room + 1)}└{''.join(axis)}",
        (indent + "".join(below)).rstrip(), f"{indent}{x_label:^{_WIDTH}}".rstrip(),
    ])  # fmt: skip
