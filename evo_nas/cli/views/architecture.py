"""Architectures in the terminal: as boxes, as in the paper's Figure 5, and as tables of costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from evo_nas.analysis.published import Counted, PublishedNetwork
from evo_nas.core.plugins import registry
from evo_nas.results.architecture import slots_table
from evo_nas.results.charts.cells import shade_colour
from evo_nas.results.tables import Table
from evo_nas.sampling.limits import format_amount
from evo_nas.space.architecture import Architecture
from evo_nas.space.costs.verification import shown_costs
from evo_nas.space.space import Cell, Costs, Genome, Space
from evo_nas.space.table import SlotTable, slot_table

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


def architecture_view(space: Space, genome: Genome, title: str, costs: Costs) -> RenderableType:
    """An architecture: its picture, its slots in a table, and what its network ``costs``."""
    summary = (
        f"{costs['params']:,} parameters, {costs['flops']:,} FLOPs "
        f"({format_amount(costs['params'])}, {format_amount(costs['flops'])}) {space.counted}"
    )
    parts: list[RenderableType] = [Text(title, style="bold"), Text(summary), Text()]
    cells = space.picture(genome)
    if cells:
        parts += [picture(cells), Text()]
    slots = slot_table(space, genome)
    if slots.context:
        parts.append(facts_view([(name, str(value)) for name, value in slots.context]))
    if slots.rows:
        parts.append(_slots_view(slots))
    return Group(*parts)


def named_view(architecture: Architecture) -> RenderableType:
    """An architecture of a file, or a published one."""
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    return architecture_view(space, genome, architecture.name, shown_costs(space, genome))


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


def networks_view(counted: Sequence[Counted]) -> RenderableType:
    """Networks with what they cost, and what was published of them."""
    rows = [
        (
            each.architecture.name,
            *(format_amount(each.costs[n], 4) if each.costs else "-" for n in ("params", "flops")),
            *(_published(each.published) if each.published else "---"),
        )
        for each in counted
    ]
    columns = ("network", ">parameters", ">FLOPs", ">published:", ">FLOPs", ">top-1")
    problems = dict.fromkeys(each.problem for each in counted if each.problem)
    notes = [
        "Counted: 1 FLOP = 1 multiply-accumulate, batch 1, at the target; --json is exact.",
        "Published: Table 3 of the GLiT paper; top-1 accuracy on ImageNet.",
        *(f"Not counted: {problem}" for problem in problems),
    ]
    return Group(table_view(Table(columns, rows)), *map(Text, notes))


def _published(printed: PublishedNetwork) -> tuple[str, str, str]:
    costs = format_amount(printed.parameters, 3), format_amount(printed.flops, 3)
    return (*costs, f"{printed.accuracy:.1f}%")


def architecture_document(architecture: Architecture) -> dict[str, Any]:
    """An architecture with its options by name and its costs at the target."""
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    return {
        "name": architecture.name,
        "space": architecture.space,
        "genome": list(genome),
        "choices": space.options(genome),
        "target": {"geometry": asdict(space.target), **shown_costs(space, genome)},
    }


def networks_document(counted: Sequence[Counted]) -> list[dict[str, Any]]:
    """Networks with their costs, and what was published of them."""
    return [
        {
            "name": each.architecture.name,
            "space": each.architecture.space,
            **(each.costs or {"problem": each.problem}),
            "published": each.published and asdict(each.published),
        }
        for each in counted
    ]
