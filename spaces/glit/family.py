"""A family of networks of global-local blocks; its spaces differ in choices and in locality.

What they have in common is here: costs of parts, networks, supernets, pictures. A space says which
blocks the options of a slot give (:meth:`GlitFamily.slot_blocks`), and what local heads are
(``locality``). Budgets are counted at ``target``.

Why: docs/decisions/031-one-family.md.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import nn

from evo_nas.space import cost_cache
from evo_nas.space.space import Cell, Costs, Genome, Geometry, Option, Space
from evo_nas.space.supernet import Supernet

from .blocks import GlitNetwork, Trunk
from .local_heads import Locality, TokenConvolution
from .parts import BlockOptions, PartCosts, Parts, proxy_geometry
from .supernet import GlitSupernet

DEPTH = 12
TINY = Geometry(224, 3, 1000, patch_size=16, width=192, heads=3)


class GlitFamily(Space):
    """Spaces of networks of global-local blocks; see the module's docstring."""

    target = TINY
    locality: Locality = TokenConvolution()

    @abstractmethod
    def slot_blocks(self, slot: str, options: Mapping[str, Option]) -> tuple[BlockOptions, ...]:
        """The blocks that a slot stands for, of options by choice name."""

    def blocks(self, genome: Genome) -> tuple[BlockOptions, ...]:
        """All blocks of a full genome, in order."""
        options = self.options(genome)
        return tuple(block for slot in self.slots for block in self.slot_blocks(slot, options))

    def reachable_blocks(self, reachable: Space) -> list[list[BlockOptions]]:
        """The options of each block that ``reachable``, a subspace of this one, can take."""
        found: list[list[BlockOptions]] = []
        for slot in self.slots:
            values = [self.slot_blocks(slot, options) for options in reachable.reachable(slot)]
            found.extend(list(dict.fromkeys(block)) for block in zip(*values, strict=True))
        return found

    # -- costs -----------------------------------------------------------------------------------

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        """The costs of a slot's values; slots with the same choices share them."""
        return self._tables[slot]

    def fixed_costs(self, context: Genome) -> Costs:
        """Patch embedding, class token, position embedding, last norm and classifier."""
        return self._trunk_costs

    @cached_property
    def _tables(self) -> Mapping[str, Mapping[Genome, Costs]]:
        """For each slot, sums over the parts of the blocks that it stands for."""
        count = PartCosts(Parts(self.target, self.locality))
        known: dict[tuple[tuple[BlockOptions, ...], ...], Mapping[Genome, Costs]] = {}
        tables = {}
        for slot in self.slots:
            values = self.slot_values(slot, ())
            options = [self.options(self.place(slot, (), value)) for value in values]
            blocks = tuple(self.slot_blocks(slot, own) for own in options)
            if blocks not in known:
                costs = map(count.blocks, blocks)
                known[blocks] = dict(zip(values, costs, strict=True))
            tables[slot] = known[blocks]
        return tables

    @cached_property
    def _trunk_costs(self) -> Costs:
        with torch.device("meta"):
            trunk = Trunk(self.target, self.locality.class_token)
        size = self.target.image_size
        return cost_cache.count(trunk, torch.zeros(1, self.target.channels, size, size))

    # -- networks --------------------------------------------------------------------------------

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        """The stand-alone network, initialised as DeiT is."""
        parts = Parts(geometry, self.locality)
        blocks = [parts.block(options) for options in self.blocks(self.check(genome))]
        return GlitNetwork(geometry, blocks, self.locality.class_token)

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        """Shared weights for what ``reachable`` (default: the whole space) can reach."""
        parts = Parts(geometry, self.locality)
        return GlitSupernet(parts, self.reachable_blocks(reachable or self), self.blocks)

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """48 wide, 3 heads, about 8 patches a side (14 from 160 pixels on)."""
        return proxy_geometry(image_size, channels, classes)

    legend = (
        "G and L: thirds of the heads that are global and local, the darker the more local; "
        "K or W, and E: kernel or window, and expansion of the local heads; dk: width of all "
        "queries; z: ratio of the FFN"
    )

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        """One box for each block, darker with more local heads (Figure 5)."""
        return tuple(
            _cell(number, options, self.target.width, self.locality.symbol)
            for number, options in enumerate(self.blocks(self.check(genome)), 1)
        )


def _cell(number: int, options: BlockOptions, width: int, symbol: str) -> Cell:
    heads, d_k, d_z, expansion, reach = options
    lines = [f"G{heads} L{3 - heads}"]
    if heads < 3:
        lines.append(f"{symbol}{reach} E{expansion}")
    attention = f"dk{int(width * d_k)} " if d_k is not None and heads > 0 else ""
    lines.append(f"{attention}z{d_z}")
    return Cell(str(number), tuple(lines), (3 - heads) / 3)
