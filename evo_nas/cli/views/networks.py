"""Networks by name, with what they cost, and what was published of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.analysis.published import Counted, PublishedNetwork
from evo_nas.core.plugins import registry
from evo_nas.results.tables import Table
from evo_nas.sampling.limits import format_amount
from evo_nas.space.architecture import Architecture
from evo_nas.space.costs.verification import shown_costs
from evo_nas.space.space import Space
from evo_nas.space.table import portrait

from .architecture import architecture_view
from .tables import table_view


def named_view(architecture: Architecture) -> RenderableType:
    """An architecture of a file, or a published one."""
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    return architecture_view(portrait(space, genome), architecture.name, shown_costs(space, genome))


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
