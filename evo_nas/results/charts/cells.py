"""Architectures as boxes, as in the paper's Figure 5, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from evo_nas.space.space import Cell

from .svg import Drawing, text_width

_WIDTH, _MARGIN, _GAP, _LINE = 520, 8, 12, 16
_LONGEST = 22  # letters of a line; longer ones are cut


def shade_colour(shade: float) -> tuple[int, int, int]:
    """Red, green and blue of a box: light blue at 0, dark blue at 1."""
    level = round(235 - 150 * shade)
    return level // 2, level * 3 // 4, level


def draw_cells(cells: Sequence[Cell], title: str) -> str:
    """The boxes in reading order, darker where the space shades them, an arrow between two."""
    assert cells, "a space without a picture has nothing to draw"
    rows = max(len(cell.lines) for cell in cells)
    longest = max(len(_cut(text)) for cell in cells for text in (cell.title, *cell.lines))
    width = max(44, round(text_width("x" * longest)) + 14)
    height = _LINE * (rows + 1) + 14
    fitting = max(1, (_WIDTH - 2 * _MARGIN + _GAP) // (width + _GAP))
    lines_of_cells = -(-len(cells) // fitting)
    columns = -(-len(cells) // lines_of_cells)  # rows as equal as can be
    across = 2 * _MARGIN + columns * (width + _GAP) - _GAP
    drawing = Drawing(title, max(across, _WIDTH))
    drawing.height = 2 * _MARGIN + lines_of_cells * (height + _GAP) - _GAP
    left = (drawing.width - across) / 2 + _MARGIN
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        x, y = left + column * (width + _GAP), _MARGIN + row * (height + _GAP)
        if column:
            arrow = f"M{x - _GAP + 1:.1f} {y + height / 2:.1f}h{_GAP - 3}m-4 -3.5l4 3.5l-4 3.5"
            drawing.add("path", d=arrow, class_="axis", stroke="#666", fill="none")
        _draw(drawing, cell, x, y, width, height)
    return drawing.document()


def _draw(drawing: Drawing, cell: Cell, x: float, y: float, width: float, height: float) -> None:
    red, green, blue = shade_colour(cell.shade)
    drawing.add(
        "rect", class_="cell", x=f"{x:.1f}", y=f"{y:.1f}", width=width, height=height, rx=5,
        fill=f"rgb({red},{green},{blue})",
    )  # fmt: skip
    ink = {"class_": "cell-text", "fill": "#000" if cell.shade < 0.5 else "#fff"}
    middle = x + width / 2
    drawing.text(middle, y + 19, _cut(cell.title), font_weight="bold", **ink)
    for number, line in enumerate(cell.lines, start=1):
        drawing.text(middle, y + 19 + _LINE * number, _cut(line), **ink)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
