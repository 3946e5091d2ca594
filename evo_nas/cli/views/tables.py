"""Tables and facts in a terminal, the same in all views."""

from __future__ import annotations

from rich import box
from rich.console import JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from evo_nas.results.tables import Facts, Table


def table_view(table: Table) -> Grid:
    """A table without its title and its foot."""
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in table.columns:
        # What does not fit goes on in the next line: no figure is cut.
        aligned: JustifyMethod = "right" if column.startswith(">") else "left"
        grid.add_column(column.removeprefix(">"), justify=aligned, overflow="fold")
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def facts_view(facts: Facts) -> RenderableType:
    """Names and values, one pair a row."""
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, Text(value))
    return Padding(grid, (0, 0, 1, 0))
