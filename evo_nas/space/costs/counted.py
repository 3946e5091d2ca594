"""Spaces whose costs nobody has to write down: fvcore counts whole networks.

Why: docs/decisions/009-counted-costs.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import torch

from evo_nas.errors import SpaceError
from evo_nas.space.space import Costs, Genome, Space

from .cost_cache import count


class _Counted(NamedTuple):
    slots: Mapping[str, Mapping[Genome, Costs]]
    rest: Costs


class CountedSpace(Space):
    """A space that is complete with ``name``, ``choices``, ``target`` and ``build``.

    What a slot's value costs is the difference between two networks that are otherwise alike. One
    is built and counted for each value of each slot and context, once, as costs are kept on disk:
    right for some hundred values and networks that are built in no time. A last network, in which
    all slots are changed at once, tells whether the differences add up.
    """

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        return self._of(context).slots[slot]

    def fixed_costs(self, context: Genome) -> Costs:
        return self._of(context).rest

    def _of(self, context: Genome) -> _Counted:
        if context not in self._known:
            self._known[context] = self._count(context)
        return self._known[context]

    @cached_property
    def _known(self) -> dict[Genome, _Counted]:
        return {}

    def _count(self, context: Genome) -> _Counted:
        """Count the networks of a context.

        Raises:
            SpaceError: the costs of slots do not add up.
        """
        genes = self.given(context)
        first = self._costs_of(self.fill(genes))
        slots, rest = {}, dict(first)
        for slot, positions in self.slots.items():
            values = self.slot_values(slot, context)
            counted = {v: self._costs_of(self.place(slot, context, v)) for v in values}
            least = {name: min(costs[name] for costs in counted.values()) for name in first}
            slots[slot] = {
                value: {name: costs[name] - least[name] for name in first}
                for value, costs in counted.items()
            }
            rest = {name: rest[name] + least[name] - first[name] for name in first}
            genes.update(zip(positions, values[-1], strict=True))
        found = _Counted(slots, rest)
        self._require_sum(found, self.fill(genes))
        return found

    def _require_sum(self, found: _Counted, genome: Genome) -> None:
        costs = self._costs_of(genome)
        for name, total in costs.items():
            added = found.rest[name] + sum(
                found.slots[slot][tuple(genome[i] for i in positions)][name]
                for slot, positions in self.slots.items()
            )
            if added != total:
                raise SpaceError(
                    f"space {self.name}: the {name} of slots add up to {added:,} for {genome}, and "
                    f"its network has {total:,}; put choices that bear on one another's costs into "
                    "one slot, or into none, or derive from Space and define costs"
                )

    def _costs_of(self, genome: Genome) -> Costs:
        at = self.target
        images = torch.zeros(1, at.channels, at.image_size, at.image_size)
        return count(self.build(genome, at), images, handles=self.flop_handles)
