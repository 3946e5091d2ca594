"""An architecture in the terminal: boxes as in the paper's Figure 5, and a table of costs."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from evo_nas.results.architecture import slots_table
from evo_nas.results.charts.cells import shade_colour
from evo_nas.results.tables import Table
from evo_nas.sampling.limits import format_amount
from evo_nas.space.space import Cell, Costs
from evo_nas.space.table import Portrait, SlotTable

from .tables import facts_view, table_view

_CELL_WIDTH = 12
_BAR_WIDTH = 6


def picture(cells: Sequence[Cell]) -> RenderableType:
    """The boxes of an architecture, darker where the space shades them (the paper's Fig. 5)."""
    panels = []
    for cell in cells:
        colour = ",".join(map(str, shade_colour(cell.shade)))
        filled = round(cell.shade * _BAR_WIDTH)
        bar = "█" * filled + "░" * (_BAR_WIDTH - filled)  # the shade where there are no colours
        panels.append(
            Panel(
                Text("\n".join((bar, *cell.lines))),
                title=cell.title,
                width=_CELL_WIDTH,
                height=3 + max(len(c.lines) for c in cells),
                box=box.SQUARE,
                style=f"{'black' if cell.shade < 0.5 else 'white'} on rgb({colour})",
                padding=(0, 1),
            )
        )
    return Columns(panels, padding=(0, 1, 0, 0))


def architecture_view(shown: Portrait, title: str, costs: Costs) -> RenderableType:
    """An architecture: its picture, its slots in a table, and what its network ``costs``."""
    summary = (
        f"{costs['params']:,} parameters, {costs['flops']:,} FLOPs "
        f"({format_amount(costs['params'])}, {format_amount(costs['flops'])}) {shown.counted}"
    )
    parts: list[RenderableType] = [Text(title, style="bold"), Text(summary), Text()]
    if shown.cells:
        parts += [picture(shown.cells), Text()]
    slots = shown.slots
    if slots.context:
        parts.append(facts_view([(name, str(value)) for name, value in slots.context]))
    if slots.rows:
        parts.append(_slots_view(slots))
    return Group(*parts)


def _slots_view(slots: SlotTable) -> Grid:
    """A row for each slot, and for the rest; a column, if slots are fewer than what they hold."""
    table = slots_table(slots)
    rest = [[cell or "-" for cell in row] for row in table.foot[:1]]
    rows = [[name.removeprefix(">") for name in table.columns], *table.rows, *rest]
    if len(slots.names) > len(slots.rows):
        rows = list(zip(*rows, strict=True))
    names, *rows = rows
    grid = table_view(Table((names[0], *(f">{name}" for name in names[1:])), rows))
    for column in grid.columns[1:]:
        column.no_wrap = True  # names give way, not figures
    return grid
