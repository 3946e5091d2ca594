"""Architectures as boxes in the terminal, as in the paper's Figure 5."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.columns import Columns
from rich.console import RenderableType
from rich.panel import Panel
from rich.text import Text

from evo_nas.results.charts.cells import shade_colour
from evo_nas.space.space import Cell

_CELL_WIDTH = 12
_BAR_WIDTH = 6


def picture(cells: Sequence[Cell]) -> RenderableType:
    """The boxes of an architecture, darker where the space shades them (the paper's Fig. 5)."""
    panels = []
    for cell in cells:
        red, green, blue = shade_colour(cell.shade)
        text = "black" if cell.shade < 0.5 else "white"
        panels.append(
            Panel(
                Text("\n".join((_bar(cell.shade), *cell.lines))),
                title=cell.title,
                width=_CELL_WIDTH,
                height=3 + max(len(c.lines) for c in cells),
                box=box.SQUARE,
                style=f"{text} on rgb({red},{green},{blue})",
                padding=(0, 1),
            )
        )
    return Columns(panels, padding=(0, 1, 0, 0))


def _bar(shade: float) -> str:
    """The shade where there are no colours."""
    filled = round(shade * _BAR_WIDTH)
    return "█" * filled + "░" * (_BAR_WIDTH - filled)
