"""An architecture's table: its slots, what they hold, and costs that add up."""

from __future__ import annotations

import pytest

from evo_nas.slot_table import slot_table
from evo_nas.space import Genome

from .spacekit import TinySpace, Uneven, all_canonical


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


def test_costs_that_do_not_add_up_are_left_out() -> None:
    space = Uneven(2)
    table = slot_table(space, (0,) * len(space.choices))
    assert table.rest is None
    assert [row.costs for row in table.rows] == [None, None]
    assert table.total == space.costs((0,) * len(space.choices))
