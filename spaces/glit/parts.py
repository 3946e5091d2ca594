"""From a block's options and a geometry to its modules and their costs, each part counted once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space.costs import cost_cache
from evo_nas.space.space import Costs, Geometry

from .blocks import FeedForward, GlobalHeads, LocalHeads, layer_norm
from .local_heads import Locality


class BlockOptions(NamedTuple):
    """One block's options; 0 where a choice is inactive.

    ``heads`` is G in thirds, ``d_k`` a ratio to the width, ``d_z`` and ``expansion`` (E) are ratios
    too, and ``reach`` is how far local heads reach (K, or a window) at the target geometry.
    """

    heads: int
    d_k: float
    d_z: int
    expansion: int
    reach: int


class Parts:
    """Makes a block's modules at one geometry, and counts them there."""

    def __init__(self, geometry: Geometry, locality: Locality) -> None:
        check_geometry(geometry)
        if geometry.heads % 3:
            raise SpaceError(
                f"geometry {geometry}: GLiT splits its heads in thirds, so their number must be a "
                "multiple of 3"
            )
        if geometry.width % (2 * geometry.heads):
            raise SpaceError(
                f"geometry {geometry}: each of {geometry.heads} heads needs an even share of the "
                f"width; choose a multiple of {2 * geometry.heads}"
            )
        self.geometry, self.locality = geometry, locality
        self.third = geometry.width // 3  # channels of a third of the heads
        self._reach = dict(zip(locality.options, locality.scaled(geometry), strict=True))
        self._cost = cache(self._count)

    def global_heads(self, thirds: int, d_k: float) -> GlobalHeads:
        """Attention on G thirds of the channels."""
        heads = self.geometry.heads * thirds // 3
        head_width = int(self.geometry.width / self.geometry.heads * d_k)
        return GlobalHeads(self.third * thirds, heads, head_width)

    def local_heads(self, thirds: int, expansion: int, reach: int) -> LocalHeads:
        """Local heads on L thirds of the channels."""
        scaled = self._reach[reach]
        return LocalHeads(self.locality.layers(self.geometry, thirds, expansion, scaled))

    def feed_forward(self, d_z: float) -> FeedForward:
        """The block's second half."""
        return FeedForward(self.geometry.width, d_z)

    def norm(self) -> nn.LayerNorm:
        """The normalisation before either half."""
        return layer_norm(self.geometry.width)

    def costs(self, options: BlockOptions) -> Costs:
        """Two norms, global heads, local heads and FFN, whichever the block has."""
        heads, d_k, d_z, expansion, reach = options
        width, norm = self.geometry.width, self._cost(self.norm, self.geometry.width)
        costs = [norm, norm, self._cost(self.feed_forward, width, d_z)]
        if heads > 0:
            costs.append(self._cost(self.global_heads, self.third * heads, heads, d_k))
        if heads < 3:
            local = 3 - heads
            costs.append(self._cost(self.local_heads, self.third * local, local, expansion, reach))
        return cost_cache.total(costs)

    def _count(self, make: Callable[..., nn.Module], channels: int, *options: Any) -> Costs:
        tokens = self.locality.tokens(self.geometry)
        return cost_cache.count_made(lambda: make(*options), 1, tokens, channels)


@lru_cache(maxsize=16)
def counted_parts(geometry: Geometry, locality: Locality) -> Parts:
    """The parts of all spaces that are alike, which are counted once a process."""
    return Parts(geometry, locality)


def check_geometry(geometry: Geometry) -> None:
    """Raise a SpaceError unless all is positive and the patch size divides the image size."""
    numbers = (geometry.channels, geometry.classes, geometry.image_size, geometry.width)
    if min(*numbers, geometry.heads) < 1:
        raise SpaceError(f"geometry {geometry}: every number must be positive")
    if geometry.patch_size < 1 or geometry.image_size % geometry.patch_size:
        raise SpaceError(
            f"geometry {geometry}: {geometry.image_size} pixels cannot be cut into patches of "
            f"{geometry.patch_size}; choose a patch size that divides the image size"
        )


def proxy_patch(image_size: int) -> int:
    """The patch size of a small network: about 8 patches a side; from 160 pixels on about 14."""
    wanted = 8 if image_size < 160 else 14
    patches = [n for n in range(2, image_size // 2 + 1) if image_size % n == 0]
    if not patches:
        raise SpaceError(
            f"images of {image_size} pixels a side cannot be cut into equal patches; resize them, "
            f"for instance to {max(8, -(-image_size // 8) * 8)}"
        )
    return image_size // min(patches, key=lambda n: (abs(n - wanted), n))
