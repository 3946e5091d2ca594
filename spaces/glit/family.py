"""A family of networks of global-local blocks; its spaces differ in choices and in locality.

What they have in common is here: costs of parts, networks, supernets, pictures. A space says which
blocks the options of a slot give (:meth:`GlitFamily.slot_blocks`), and what local heads are
(``locality``). Budgets are counted at ``target``.

Why: docs/decisions/031-one-family.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from torch import nn

from evo_nas.space.costs import cost_cache
from evo_nas.space.space import Cell, Choice, Costs, Genome, Geometry, Option, Space
from evo_nas.space.supernet import Supernet

from .blocks import GlitNetwork
from .local_heads import Locality, TokenConvolution
from .parts import BlockOptions, Parts, counted_parts, proxy_patch
from .supernet import GlitSupernet, SharedBlock

DEPTH = 12


class GlitFamily(Space):
    """Spaces of networks of global-local blocks; see the module's docstring."""

    target = Geometry(224, 3, 1000, patch_size=16, width=192, heads=3)
    locality: Locality = TokenConvolution()

    def slot_blocks(self, slot: str, options: Mapping[str, Any]) -> tuple[BlockOptions, ...]:
        """The blocks that a slot stands for, of options by choice name.

        One, unless a space says otherwise; where heads are no choice it has global ones.
        """
        heads = options.get(f"{slot}.heads", 3)
        fields = ("d_k", "d_z", "expansion", self.locality.choice)
        values = (options.get(f"{slot}.{field}", 0) for field in fields)
        return (BlockOptions(heads, *values),)

    def blocks(self, genome: Genome) -> tuple[BlockOptions, ...]:
        """All blocks of a full genome, in order."""
        options = self.options(genome)
        return tuple(block for slot in self.slots for block in self.slot_blocks(slot, options))

    # -- costs -----------------------------------------------------------------------------------

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        return self._tables[slot]

    @cached_property
    def _tables(self) -> Mapping[str, Mapping[Genome, Costs]]:
        """For each slot the costs of its values; slots with the same choices share them."""
        parts = counted_parts(self.target, self.locality)
        known: dict[tuple[tuple[BlockOptions, ...], ...], Mapping[Genome, Costs]] = {}
        tables = {}
        for slot in self.slots:
            values = self.slot_values(slot, ())
            options = [self.options(self.place(slot, (), value)) for value in values]
            blocks = tuple(self.slot_blocks(slot, own) for own in options)
            if blocks not in known:
                costs = (cost_cache.total(map(parts.costs, own)) for own in blocks)
                known[blocks] = dict(zip(values, costs, strict=True))
            tables[slot] = known[blocks]
        return tables

    def fixed_costs(self, context: Genome) -> Costs:
        """Patch embedding, class token, position embedding, last norm and classifier."""
        return self._trunk_costs

    @cached_property
    def _trunk_costs(self) -> Costs:
        trunk = partial(GlitNetwork, self.target, class_token=self.locality.class_token)
        size = self.target.image_size
        return cost_cache.count_made(trunk, 1, self.target.channels, size, size)

    # -- networks --------------------------------------------------------------------------------

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        parts = Parts(geometry, self.locality)
        options = self.blocks(self.check(genome))
        blocks = [SharedBlock(parts, [own]).block(own) for own in options]
        return GlitNetwork(geometry, blocks, self.locality.class_token)

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        return self._shared(geometry, reachable, entangled=False)

    def entangled_supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        return self._shared(geometry, reachable, entangled=True)

    def _shared(self, geometry: Geometry, reachable: Space | None, *, entangled: bool) -> Supernet:
        found: list[list[BlockOptions]] = []
        for slot in self.slots:
            values = (reachable or self).reachable(slot)
            blocks = (self.slot_blocks(slot, options) for options in values)
            found.extend(list(dict.fromkeys(block)) for block in zip(*blocks, strict=True))
        parts = Parts(geometry, self.locality)
        return GlitSupernet(parts, found, self.blocks, entangled=entangled)

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """48 wide, 3 heads, about 8 patches a side (14 from 160 pixels on)."""
        patch_size = proxy_patch(image_size)
        return Geometry(image_size, channels, classes, patch_size, width=48, heads=3)

    legend = (
        "G and L: thirds of the heads that are global and local, the darker the more local; "
        "K or W, and E: kernel or window, and expansion of the local heads; dk: width of all "
        "queries; z: ratio of the FFN"
    )

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        """Figure 5."""
        blocks = enumerate(self.blocks(self.check(genome)), 1)
        return tuple(self._cell(str(number), options) for number, options in blocks)

    def _cell(self, title: str, options: BlockOptions) -> Cell:
        heads, d_k, d_z, expansion, reach = options
        lines = [f"G{heads} L{3 - heads}"]
        if heads < 3:
            lines.append(f"{self.locality.symbol}{reach} E{expansion}")
        attention = f"dk{int(self.target.width * d_k)} " if heads > 0 else ""
        lines.append(f"{attention}z{d_z}")
        return Cell(title, tuple(lines), (3 - heads) / 3)


def block_options(locality: Locality) -> dict[str, tuple[Option, ...]]:
    """GLiT's options of a block by choice."""
    return {
        "heads": (0, 1, 2, 3), "d_k": (0.5, 1, 2), "d_z": (2, 4, 6), "expansion": (1, 2, 4),
        locality.choice: locality.options,
    }  # fmt: skip


def block_choices(
    slot: str, options: Mapping[str, tuple[Option, ...]], level: int = 1
) -> list[Choice]:
    """A block's choices: heads at level 0, the rest at ``level`` if some of them make it active."""
    name, thirds = f"{slot}.heads", options["heads"]
    choices = [Choice(name, thirds, 0, slot)]
    for field, own in options.items():
        # d_k is of global heads, d_z of all blocks, the others are of local heads.
        active = {"heads": (), "d_k": (1, 2, 3), "d_z": (0, 1, 2, 3)}.get(field, (0, 1, 2))
        if allowed := frozenset(thirds) & frozenset(active):
            when = {name: allowed} if len(allowed) < len(thirds) else {}
            choices.append(Choice(f"{slot}.{field}", own, level, slot, when))
    return choices
