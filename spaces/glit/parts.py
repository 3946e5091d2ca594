"""From a block's options and a geometry to its modules and their costs, each part counted once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space import cost_cache
from evo_nas.space.space import Costs, Geometry, Option

from .blocks import Block, FeedForward, GlobalHeads, GlobalLocal, LocalHeads, layer_norm
from .local_heads import Locality


class BlockOptions(NamedTuple):
    """One block's options; None where a choice is inactive.

    ``heads`` is G in thirds, ``d_k`` a ratio to the width, ``d_z`` and ``expansion`` (E) are ratios
    too, and ``reach`` is how far local heads reach (K, or a window) at the target geometry.
    """

    heads: int
    d_k: float | None
    d_z: int
    expansion: int | None
    reach: int | None


class Parts:
    """Makes a block's modules at one geometry.

    Raises:
        SpaceError: no network of the family has this geometry.
    """

    def __init__(self, geometry: Geometry, locality: Locality) -> None:
        check_geometry(geometry)
        self.geometry, self.locality = geometry, locality
        self.third = geometry.width // 3  # channels of a third of the heads
        self._reach = dict(zip(locality.options, locality.scaled(geometry), strict=True))

    def global_heads(self, options: BlockOptions) -> GlobalHeads:
        """Attention on G thirds of the channels."""
        assert options.d_k is not None, "an all-local block has no global heads"
        heads = self.geometry.heads * options.heads // 3
        head_width = int(self.geometry.width / self.geometry.heads * options.d_k)
        return GlobalHeads(self.third * options.heads, heads, head_width)

    def local_heads(self, options: BlockOptions) -> LocalHeads:
        """Local heads on L thirds of the channels."""
        assert options.expansion is not None, "an all-global block has no local heads"
        assert options.reach is not None, "an all-global block has no local heads"
        reach = self._reach[options.reach]
        return LocalHeads(
            self.locality.layers(self.geometry, 3 - options.heads, options.expansion, reach)
        )

    def feed_forward(self, options: BlockOptions) -> FeedForward:
        """The block's second half."""
        return FeedForward(self.geometry.width, options.d_z)

    def norm(self) -> nn.LayerNorm:
        """The normalisation before either half."""
        return layer_norm(self.geometry.width)

    def block(self, options: BlockOptions) -> Block:
        """The whole block."""
        attention: nn.Module
        if options.heads == 3:
            attention = self.global_heads(options)
        elif options.heads == 0:
            attention = self.local_heads(options)
        else:
            attention = GlobalLocal(self.global_heads(options), self.local_heads(options))
        return Block(self.norm(), attention, self.norm(), self.feed_forward(options))


def check_geometry(geometry: Geometry) -> None:
    """Say what is wrong with a geometry.

    Raises:
        SpaceError: no network of the family has this geometry.
    """
    if min(geometry.channels, geometry.classes, geometry.image_size, geometry.heads) < 1:
        raise SpaceError(f"geometry {geometry}: every number must be positive")
    check_patches(geometry)
    if geometry.heads % 3:
        raise SpaceError(
            f"geometry {geometry}: GLiT splits its heads in thirds, so their number must be a "
            "multiple of 3"
        )
    if geometry.width < 1 or geometry.width % (2 * geometry.heads):
        raise SpaceError(
            f"geometry {geometry}: each of {geometry.heads} heads needs an even share of the "
            f"width; choose a multiple of {2 * geometry.heads}"
        )


def check_patches(geometry: Geometry) -> None:
    """Raise a SpaceError unless the patch size divides the image size."""
    if geometry.patch_size < 1 or geometry.image_size % geometry.patch_size:
        raise SpaceError(
            f"geometry {geometry}: {geometry.image_size} pixels cannot be cut into patches of "
            f"{geometry.patch_size}; choose a patch size that divides the image size"
        )


def proxy_geometry(image_size: int, channels: int, classes: int) -> Geometry:
    """A small network's geometry: 48 wide, 3 heads, patches as :func:`patches_a_side` says."""
    patch_size = image_size // patches_a_side(image_size)
    return Geometry(image_size, channels, classes, patch_size, width=48, heads=3)


def patches_a_side(image_size: int) -> int:
    """How many patches a side a small network has: about 8; from 160 pixels on about 14.

    Raises:
        SpaceError: the images cannot be cut into equal patches of at least 2 pixels.
    """
    wanted = 8 if image_size < 160 else 14
    patches = [n for n in range(2, image_size // 2 + 1) if image_size % n == 0]
    if not patches:
        raise SpaceError(
            f"images of {image_size} pixels a side cannot be cut into equal patches; resize them, "
            f"for instance to {max(8, -(-image_size // 8) * 8)}"
        )
    return min(patches, key=lambda n: (abs(n - wanted), n))


class PartCosts:
    """Costs at the geometry of ``parts``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tokens = parts.locality.tokens(parts.geometry)
        self._known: dict[tuple[Option | None, ...], Costs] = {}

    def blocks(self, blocks: Iterable[BlockOptions]) -> Costs:
        """The sum over some blocks."""
        return _sum(self._block(options) for options in blocks)

    def _block(self, options: BlockOptions) -> Costs:
        """Two norms, global heads, local heads and FFN, whichever the block has."""
        heads, d_k, d_z, expansion, reach = options
        norm = self._part(("norm",), options)
        costs = [norm, norm, self._part(("ffn", d_z), options)]
        if heads > 0:
            costs.append(self._part(("global", heads, d_k), options))
        if heads < 3:
            costs.append(self._part(("local", heads, expansion, reach), options))
        return _sum(costs)

    def _part(self, key: tuple[Option | None, ...], options: BlockOptions) -> Costs:
        if key not in self._known:
            with torch.device("meta"):  # most figures are known already: weights need no memory
                part, channels = self._make(str(key[0]), options)
            tokens = torch.zeros(1, self._tokens, channels)
            self._known[key] = cost_cache.count(part, tokens)
        return self._known[key]

    def _make(self, kind: str, options: BlockOptions) -> tuple[nn.Module, int]:
        """The module and the channels that it reads."""
        parts = self._parts
        if kind == "global":
            return parts.global_heads(options), parts.third * options.heads
        if kind == "local":
            return parts.local_heads(options), parts.third * (3 - options.heads)
        return (parts.norm() if kind == "norm" else parts.feed_forward(options)), (
            parts.geometry.width
        )


def _sum(costs: Iterable[Costs]) -> Costs:
    costs = tuple(costs)
    return {name: sum(part[name] for part in costs) for name in ("flops", "params")}
