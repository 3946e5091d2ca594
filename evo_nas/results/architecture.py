"""The architecture that a run found, for people who work in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evo_nas.errors import SpaceError
from evo_nas.results.charts.cells import draw_cells
from evo_nas.results.charts.notebook import Figure, card
from evo_nas.sampling.limits import format_amount
from evo_nas.space.space import Costs, Genome, Geometry, Option, Space
from evo_nas.space.table import SlotTable, slot_table

from .frames import records_frame
from .tables import Table

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn


@dataclass(frozen=True, repr=False)
class FoundArchitecture:
    """A full genome of ``space``, as choices by name.

    Costs are counted at the space's target, in the whole network where it can be built.
    """

    space: Space
    genome: Genome

    @property
    def choices(self) -> Mapping[str, Option]:
        """The option of each active choice, by name."""
        return self.space.options(self.genome)

    @property
    def flops(self) -> int:
        """Multiply-accumulates of one image."""
        return self._costs["flops"]

    @property
    def params(self) -> int:
        """The number of parameters."""
        return self._costs["params"]

    @cached_property
    def _costs(self) -> Costs:
        from evo_nas.space.costs.verification import true_costs  # it imports torch

        return true_costs(self.space, self.genome)

    def build(self, geometry: Geometry | None = None) -> nn.Module:
        """A new network with random weights, at the space's target unless ``geometry`` says."""
        return self.space.build(self.genome, geometry or self.space.target)

    def frame(self) -> pd.DataFrame:
        """One row for each slot: the options that it holds, and what it costs.

        Choices that belong to no slot are the same in all rows; one that is called as a choice in
        slots has ``choice.`` before its name. A space without slots has a single row.
        """
        table = slot_table(self.space, self.genome)
        shared = {f"choice.{n}" if n in table.names else n: option for n, option in table.context}
        if not table.rows:
            return records_frame([{"slot": None, **shared, **table.total}])
        return records_frame(
            {
                "slot": row.slot,
                **shared,
                **dict(zip(table.names, row.values, strict=True)),
                **(row.costs or {}),
            }
            for row in table.rows
        )

    def plot(self) -> Figure:
        """The architecture as boxes.

        Raises:
            SpaceError: the space does not say how to draw it.
        """
        cells = self.space.picture(self.genome)
        if not cells:
            raise SpaceError(f"space {self.space.name} has no picture of its architectures")
        return Figure("architecture", draw_cells(cells, "architecture"))

    def __repr__(self) -> str:
        return (
            f"<architecture of {self.space.name}: {format_amount(self.flops)} FLOPs, "
            f"{format_amount(self.params)} parameters>"
        )

    def _repr_html_(self) -> str:
        facts = [
            ("FLOPs", f"{self.flops:,}"),
            ("parameters", f"{self.params:,}"),
            ("counted", self.space.counted),
        ]
        figures = [self.plot()] if self.space.picture(self.genome) else []
        return card(f"Architecture of {self.space.name}", facts, figures)


def slots_table(slots: SlotTable) -> Table:
    """What each slot holds and costs, as text; below, the costs of the rest and of all."""
    columns = ["slot", *(f">{name}" for name in slots.names)]
    rows = [[row.slot, *row.texts] for row in slots.rows]
    blank = [""] * len(slots.names)
    foot = [["rest", *blank], ["in all", *blank]] if slots.rest is not None else []
    if slots.rest is not None:
        columns += [">FLOPs", ">parameters"]
        counted = [*(row.costs for row in slots.rows), slots.rest, slots.total]
        for cells, costs in zip([*rows, *foot], counted, strict=True):
            cells += [f"{costs[name]:,}" for name in ("flops", "params") if costs]
    return Table(tuple(columns), rows, "The network, slot by slot", foot)
