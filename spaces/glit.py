"""GLiT: global-local blocks on vision transformers (Chen et al., ICCV 2021), as a search space.

Each of 12 blocks splits its heads, in thirds, between attention (G) and convolution (L = 3 - G);
that is decided at level 0, the block's details at level 1 (the paper's hierarchical search, section
3.2). Budgets are counted at 224 pixels, 197 tokens and 1000 classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import nn

from evo_nas import costcache
from evo_nas.errors import SpaceError
from evo_nas.space import Cell, Choice, Costs, Genome, Geometry, Option, Space
from evo_nas.supernet import Supernet

from .glit_blocks import GlitNetwork, Trunk
from .glit_parts import KERNELS, BlockOptions, Parts, proxy_geometry
from .glit_supernet import GlitSupernet

DEPTH = 12


class Glit(Space):
    """The family; a subclass says at which target geometry budgets are counted.

    Args:
        d_k: what each block's details are while level 0 is searched; d_k as a ratio to the width.
        d_z: likewise, the FFN's ratio.
        expansion: likewise, E.
        kernel: likewise, K.
    """

    def __init__(
        self, *, d_k: float = 1, d_z: int = 4, expansion: int = 2, kernel: int = 31
    ) -> None:
        details = {"d_k": d_k, "d_z": d_z, "expansion": expansion, "kernel": kernel}
        self.choices = tuple(
            choice for number in range(DEPTH) for choice in _block_choices(f"block{number:02}")
        )
        self._details: dict[str, Option] = {}
        for choice in self.choices:
            value = details.get(choice.name.partition(".")[2], 0)
            if value not in choice.options:
                raise SpaceError(
                    f"{self.name}: {choice.name.partition('.')[2]} cannot be {value!r}; "
                    f"its options are {', '.join(map(str, choice.options))}"
                )
            self._details[choice.name] = value

    # -- stages ----------------------------------------------------------------------------------

    def details(self) -> Mapping[str, Option]:
        """What the constructor was given; the paper does not say at what it searches level 0."""
        return self._details

    def fixed_at(self, level: int, decided: Genome | None) -> dict[str, Option]:
        """As the paper narrows level 1: (K, E), (d_k, z) or (E, z) free, nine options a block."""
        fixed = super().fixed_at(level, decided)
        if level != 1:
            return fixed
        for slot in self.slots:
            heads = fixed[f"{slot}.heads"]
            if heads == 0:
                fixed[f"{slot}.d_z"] = 4
            elif heads != 3:
                fixed[f"{slot}.d_k"] = 1
                fixed[f"{slot}.kernel"] = 31
        return fixed

    # -- costs -----------------------------------------------------------------------------------

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        """The same for each block: all its 198 values."""
        return self._block_costs

    def fixed_costs(self, context: Genome) -> Costs:
        """Patch embedding, class token, position embedding, last norm and classifier."""
        return self._trunk_costs

    @cached_property
    def _trunk_costs(self) -> Costs:
        with torch.device("meta"):
            trunk = Trunk(self.target)
        size = self.target.image_size
        return costcache.count(trunk, torch.zeros(1, self.target.channels, size, size))

    @cached_property
    def _block_costs(self) -> Mapping[Genome, Costs]:
        """Sums over the block's parts, each distinct one counted once."""
        count = _PartCosts(self.target)
        slot = next(iter(self.slots))
        costs = {}
        for value in self.slot_values(slot, ()):
            options = BlockOptions.of(slot, self.options(self.place(slot, (), value)))
            costs[value] = count.block(options)
        return costs

    # -- networks --------------------------------------------------------------------------------

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        """The stand-alone network, initialised as DeiT is."""
        parts = Parts(geometry)
        options = self.options(self.check(genome))
        blocks = [parts.block(BlockOptions.of(slot, options)) for slot in self.slots]
        return GlitNetwork(geometry, blocks)

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        """Shared weights for what ``reachable`` (default: the whole space) can reach."""
        return GlitSupernet(geometry, reachable or self)

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """48 wide, 3 heads, about 8 patches a side (14 from 160 pixels on)."""
        return proxy_geometry(image_size, channels, classes)

    legend = (
        "G and L: thirds of the heads that are global and local, the darker the more local; "
        "K and E: kernel and expansion of the local heads; dk: width of all queries; z: ratio of "
        "the FFN"
    )

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        """One box for each block, darker with more local heads (Figure 5)."""
        options = self.options(self.check(genome))
        return tuple(
            _cell(number, BlockOptions.of(slot, options), self.target.width)
            for number, slot in enumerate(self.slots, 1)
        )


class GlitTiny(Glit):
    """Global and local heads, two levels, 12 blocks (GLiT-Tiny: 192 wide, 3 heads)."""

    name = "glit_hl"
    target = Geometry(224, 3, 1000, patch_size=16, width=192, heads=3)


class GlitSmall(Glit):
    """The same at GLiT-Small: 384 wide, 6 heads."""

    name = "glit_hl_small"
    target = Geometry(224, 3, 1000, patch_size=16, width=384, heads=6)


class GlitBase(Glit):
    """The same at GLiT-Base: 768 wide, 12 heads."""

    name = "glit_hl_base"
    target = Geometry(224, 3, 1000, patch_size=16, width=768, heads=12)


def _block_choices(slot: str) -> tuple[Choice, ...]:
    heads = f"{slot}.heads"
    some_global = {heads: frozenset[Option]({1, 2, 3})}
    some_local = {heads: frozenset[Option]({0, 1, 2})}
    return (
        Choice(heads, (0, 1, 2, 3), 0, slot),
        Choice(f"{slot}.d_k", (0.5, 1, 2), 1, slot, some_global),
        Choice(f"{slot}.d_z", (2, 4, 6), 1, slot),
        Choice(f"{slot}.expansion", (1, 2, 4), 1, slot, some_local),
        Choice(f"{slot}.kernel", KERNELS, 1, slot, some_local),
    )


class _PartCosts:
    """Costs of a block's parts at one geometry, each distinct part looked up once."""

    def __init__(self, geometry: Geometry) -> None:
        self.parts = Parts(geometry)
        self.tokens = (geometry.image_size // geometry.patch_size) ** 2 + 1
        self.known: dict[tuple[Option | None, ...], Costs] = {}

    def block(self, options: BlockOptions) -> Costs:
        """Two norms, attention, convolution and FFN, whichever the block has."""
        heads, d_k, d_z, expansion, kernel = options
        norm = self._cost(("norm",), options)
        costs = [norm, norm, self._cost(("ffn", d_z), options)]
        if d_k is not None:
            costs.append(self._cost(("attention", heads, d_k), options))
        if kernel is not None:
            costs.append(self._cost(("convolution", heads, expansion, kernel), options))
        return {name: sum(part[name] for part in costs) for name in ("flops", "params")}

    def _cost(self, key: tuple[Option | None, ...], options: BlockOptions) -> Costs:
        if key not in self.known:
            with torch.device("meta"):  # most figures are known already: weights need no memory
                part, channels = self._part(str(key[0]), options)
            tokens = torch.zeros(1, self.tokens, channels)
            self.known[key] = costcache.count(part, tokens)
        return self.known[key]

    def _part(self, kind: str, options: BlockOptions) -> tuple[nn.Module, int]:
        """The module and the channels that it reads."""
        if kind == "attention":
            return self.parts.global_heads(options), self.parts.third * options.heads
        if kind == "convolution":
            return self.parts.local_heads(options), self.parts.third * (3 - options.heads)
        width = self.parts.geometry.width
        return (self.parts.norm() if kind == "norm" else self.parts.feed_forward(options)), width


def _cell(number: int, options: BlockOptions, width: int) -> Cell:
    heads, d_k, d_z, expansion, kernel = options
    lines = [f"G{heads} L{3 - heads}"]
    if kernel is not None:
        lines.append(f"K{kernel} E{expansion}")
    attention = "" if d_k is None else f"dk{int(width * d_k)} "
    lines.append(f"{attention}z{d_z}")
    return Cell(str(number), tuple(lines), (3 - heads) / 3)
