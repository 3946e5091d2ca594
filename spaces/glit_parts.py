"""From a block's options and a geometry to its modules; which geometries there can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space import Geometry, Option

from .glit_blocks import (
    Block,
    FeedForward,
    GlobalHeads,
    GlobalLocal,
    LocalHeads,
    layer_norm,
)

KERNELS = (17, 31, 45)  # K, at the target geometry
_TARGET_TOKENS = 197  # 224 pixels, patch 16, and the class token


class BlockOptions(NamedTuple):
    """One block's options; None where a choice is inactive.

    ``heads`` is G in thirds, ``d_k`` a ratio to the width, ``d_z`` and ``expansion`` (E) are ratios
    too, and ``kernel`` is the option K, which counts tokens at the target geometry.
    """

    heads: int
    d_k: float | None
    d_z: int
    expansion: int | None
    kernel: int | None

    @classmethod
    def of(cls, slot: str, options: Mapping[str, Option]) -> BlockOptions:
        """Those of a slot, from options by choice name."""
        values = (options.get(f"{slot}.{field}") for field in cls._fields)
        return cls(*values)  # type: ignore[arg-type]  # choices of this space hold these types


class Parts:
    """Makes a block's modules at one geometry.

    Raises:
        SpaceError: no GLiT network has this geometry.
    """

    def __init__(self, geometry: Geometry) -> None:
        check_geometry(geometry)
        self.geometry = geometry
        self.third = geometry.width // 3  # channels of a third of the heads
        tokens = (geometry.image_size // geometry.patch_size) ** 2 + 1
        self.kernels = dict(zip(KERNELS, scaled_kernels(tokens), strict=True))

    def global_heads(self, options: BlockOptions) -> GlobalHeads:
        """Attention on G thirds of the channels."""
        assert options.d_k is not None, "an all-local block has no attention"
        heads = self.geometry.heads * options.heads // 3
        head_width = int(self.geometry.width / self.geometry.heads * options.d_k)
        return GlobalHeads(self.third * options.heads, heads, head_width)

    def local_heads(self, options: BlockOptions) -> LocalHeads:
        """Convolution on L thirds of the channels."""
        assert options.expansion is not None, "an all-global block has no convolution"
        assert options.kernel is not None, "an all-global block has no convolution"
        channels = self.third * (3 - options.heads)
        return LocalHeads(channels, options.expansion, self.kernels[options.kernel])

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


def scaled_kernels(tokens: int) -> tuple[int, ...]:
    """What the kernels become at a number of tokens: 17, 31, 45 at 197; 3, 5, 7 at 17.

    In proportion to the tokens, the nearest odd numbers, from 3 on and distinct: at a tenth of the
    tokens unscaled kernels would all reach every token and be one and the same choice.
    """
    kernels: list[int] = []
    for kernel in KERNELS:
        nearest_odd = int(kernel * tokens / _TARGET_TOKENS / 2) * 2 + 1
        kernels.append(max(nearest_odd, kernels[-1] + 2 if kernels else 3))
    return tuple(kernels)


def check_geometry(geometry: Geometry) -> None:
    """Say what is wrong with a geometry.

    Raises:
        SpaceError: no GLiT network has this geometry.
    """
    if min(geometry.channels, geometry.classes, geometry.image_size, geometry.heads) < 1:
        raise SpaceError(f"geometry {geometry}: every number must be positive")
    if geometry.patch_size < 1 or geometry.image_size % geometry.patch_size:
        raise SpaceError(
            f"geometry {geometry}: {geometry.image_size} pixels cannot be cut into patches of "
            f"{geometry.patch_size}; choose a patch size that divides the image size"
        )
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


def proxy_geometry(image_size: int, channels: int, classes: int) -> Geometry:
    """A small network's geometry: 48 wide, 3 heads, about 8 patches a side.

    From 160 pixels on about 14 patches a side, the target's number.

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
    side = min(patches, key=lambda n: (abs(n - wanted), n))
    return Geometry(image_size, channels, classes, image_size // side, width=48, heads=3)
