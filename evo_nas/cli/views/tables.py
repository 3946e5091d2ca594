"""How tables look in a terminal, the same in all views."""

from __future__ import annotations

from rich import box
from rich.console import JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def plain_table(*columns: str) -> Table:
    """An empty table; a column whose name begins with ">" is aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in columns:
        aligned: JustifyMethod = "right" if column.startswith(">") else "left"
        # What does not fit goes on in the next line: no figure is cut.
        table.add_column(column.removeprefix(">"), justify=aligned, overflow="fold")
    return table


def fact_grid(*rows: tuple[str, str]) -> RenderableType:
    """Names and values, one pair a row."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))
    return Padding(table, (0, 0, 1, 0))
