"""An architecture's table: its slots, what they hold, and costs that add up."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console
from torch import nn

from evo_nas.cli.catalogue import listing
from evo_nas.cli.views.architecture import architecture_view
from evo_nas.cli.views.networks import architecture_document, named_view
from evo_nas.core.plugins import registry
from evo_nas.space.architecture import Architecture
from evo_nas.space.space import Choice, Genome, Geometry
from evo_nas.space.table import portrait, slot_table
from tests.kit.plugins import Costing, Tiny
from tests.kit.spaces import TinySpace, Uneven, all_canonical


@pytest.mark.parametrize("genome", all_canonical(TinySpace(2, wide=True))[::37])
def test_slots_and_the_rest_are_the_whole(genome: Genome) -> None:
    space = TinySpace(2, wide=True)
    table = slot_table(space, genome)
    assert table.names == ("kind", "size", "depth")
    assert [row.slot for row in table.rows] == ["block0", "block1"]
    assert table.rest is not None
    for name in ("flops", "params"):
        parts = [row.costs[name] for row in table.rows if row.costs]
        assert sum(parts) + table.rest[name] == table.total[name]
    assert dict(table.context) == {"width": space.options(genome)["width"]}
    options = space.options(genome)
    for row in table.rows:
        held = {f"{row.slot}.{n}": v for n, v in zip(table.names, row.values, strict=True)}
        assert all(options.get(name) == value for name, value in held.items())


def test_none_as_an_option_is_told_from_no_value() -> None:
    space = TinySpace(1)
    space.choices = (
        Choice("norm", (None, "layer"), slot="norm"),
        Choice("size", (3, 5), slot="size"),
        Choice("size.scale", (1, 2), slot="size", when={"size": frozenset({5})}),
    )
    space.slot_costs = lambda slot, context: None  # type: ignore[method-assign]
    space.costs = lambda genome: {"flops": 1, "params": 1}  # type: ignore[method-assign]
    assert [row.texts for row in slot_table(space, (0, 0, 0)).rows] == [("None", "-"), ("3", "-")]


@pytest.mark.parametrize("blocks", [2, 4])  # with a column for each block, or a row
def test_what_is_shown_adds_up(blocks: int) -> None:
    space = TinySpace(blocks)
    shown = Console(width=100, file=io.StringIO(), record=True)
    genome = (1, 2, 0) * blocks
    shown.print(architecture_view(portrait(space, genome), "some", space.costs(genome)))
    lines = [line.split() for line in shown.export_text().splitlines()]
    if blocks == 2:
        figures = next(line[1:] for line in lines if line[:1] == ["FLOPs"])
    else:
        figures = [line[-2] for line in lines if line and line[0].startswith(("block", "rest"))]
    assert len(figures) == blocks + 1
    assert sum(map(int, figures)) == space.costs((1, 2, 0) * blocks)["flops"]


def test_costs_that_do_not_add_up_are_left_out() -> None:
    space = Uneven(2)
    table = slot_table(space, (0,) * len(space.choices))
    assert table.rest is None
    assert [row.costs for row in table.rows] == [None, None]
    assert table.total == space.costs((0,) * len(space.choices))


@pytest.mark.parametrize("spec", ["mobilenet", "glit_hl", "autoformer_tiny"])
def test_in_80_columns_nothing_is_cut(spec: str) -> None:
    space = registry.load("space", spec)
    genome = space.canonical([len(choice.options) - 1 for choice in space.choices])
    console = Console(record=True, width=80, file=io.StringIO())
    shown = portrait(space, genome)
    console.print(architecture_view(shown, "the largest", space.costs(genome)))
    text = console.export_text()
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for row in slot_table(space, genome).rows:
        assert row.costs is not None
        assert row.slot in text
        assert f"{row.costs['flops']:,}" in text
        assert f"{row.costs['params']:,}" in text


@pytest.mark.parametrize("what", ["spaces", "evaluators", "strategies", "data", "networks"])
def test_lists_are_sentences_without_marks(what: str) -> None:
    for name, about in listing(what).items():
        assert about.endswith("."), name
        assert "`" not in about


class Dearer(Tiny):
    """Networks that cost one FLOP more than their slots."""

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        costs = self.costs(genome)
        return Costing({**costs, "flops": costs["flops"] + 1}, geometry.classes)


def test_what_is_shown_of_an_architecture_is_counted_in_its_network() -> None:
    genome = (0,) * len(Dearer().choices)
    architecture = Architecture("mine", f"{__file__}:Dearer", genome)
    counted = Dearer().costs(genome)["flops"] + 1
    assert architecture_document(architecture)["target"]["flops"] == counted
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(named_view(architecture))
    assert f"{counted:,} FLOPs" in console.export_text()
