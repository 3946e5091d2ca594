"""Spaces whose costs nobody has to write down: fvcore counts whole networks.

Why: docs/decisions/009-counted-costs.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from evo_nas.space.space import Costs, Genome, Geometry, Space

from .alike import found_of_alike
from .verification import network_costs, require_agreement


class _Counted(NamedTuple):
    slots: Mapping[str, Mapping[Genome, Costs]]
    rest: Costs


class CountedSpace(Space):
    """A space that is complete with ``name``, ``choices``, ``target`` and ``build``.

    What a slot's value costs is the difference between two networks that are otherwise alike. One
    is built and counted for each value of each slot and context, once in a command: right
    for some hundred values and networks that are built in no time. A last network, in which all
    slots are changed at once, tells whether the differences add up; others do before a run.

    Raises:
        SpaceError: the costs of slots do not add up, or a network cannot be built or counted.
    """

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        return self._of(context).slots[slot]

    def fixed_costs(self, context: Genome) -> Costs:
        return self._of(context).rest

    def _of(self, context: Genome) -> _Counted:
        key = self.target, context  # who changes the target means other networks
        if key not in self._known:
            self._known[key], last = self._count(context)
            try:
                require_agreement(self, last, network_costs(self, last))
            except BaseException:
                del self._known[key]
                raise
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[Geometry, Genome], _Counted]:
        known: dict[tuple[Geometry, Genome], _Counted]
        known = found_of_alike(self).setdefault("counted", {})
        return known

    def _count(self, context: Genome) -> tuple[_Counted, Genome]:
        """What the networks of a context cost, and a genome in which all slots are changed."""
        genes = self.given(context)
        first = network_costs(self, self.fill(genes))
        slots, rest = {}, dict(first)
        for slot, positions in self.slots.items():
            values = self.slot_values(slot, context)
            counted = {v: network_costs(self, self.place(slot, context, v)) for v in values}
            least = {name: min(costs[name] for costs in counted.values()) for name in first}
            slots[slot] = {
                value: {name: costs[name] - least[name] for name in first}
                for value, costs in counted.items()
            }
            rest = {name: rest[name] + least[name] - first[name] for name in first}
            genes.update(zip(positions, values[-1], strict=True))
        return _Counted(slots, rest), self.fill(genes)
