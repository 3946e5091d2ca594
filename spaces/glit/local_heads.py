"""Kinds of local heads, in which the family's spaces differ (paper, Table 6)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial

from torch import nn

from evo_nas.space.space import Geometry

from .convolution import Convolution, DepthwiseConvolution, GridConvolution
from .windows import WindowAttention


class Locality(ABC):
    """One kind of local heads.

    ``choice`` is the name of what decides how far they reach, ``symbol`` its letter in pictures,
    ``options`` the choice's options, from small to large, which hold at a grid of so many
    ``patches``; ``class_token`` says whether the networks have one.
    """

    choice: str
    symbol: str
    options: tuple[int, ...]
    patches = 14 * 14
    class_token = True

    def __init__(self, options: Sequence[int] | None = None, patches: int | None = None) -> None:
        self.options = self.options if options is None else tuple(options)
        self.patches = self.patches if patches is None else patches

    def tokens(self, geometry: Geometry) -> int:
        """The number of tokens of a network."""
        return (geometry.image_size // geometry.patch_size) ** 2 + self.class_token

    @abstractmethod
    def scaled(self, geometry: Geometry) -> tuple[int, ...]:
        """The options at a geometry: as many, and distinct."""

    @abstractmethod
    def layers(self, geometry: Geometry, thirds: int, expansion: int, reach: int) -> nn.Module:
        """The layers of local heads on ``thirds`` thirds of the channels.

        Args:
            geometry: width and tokens.
            thirds: L, 1 to 3.
            expansion: E, how much wider they are inside.
            reach: one of :meth:`scaled`.
        """


class TokenConvolution(Locality):
    """Convolution over the sequence of tokens, class token and all (section 3.1.1)."""

    choice, symbol, options = "kernel", "K", (17, 31, 45)

    def scaled(self, geometry: Geometry) -> tuple[int, ...]:
        """In proportion to the tokens: 17, 31, 45 at 197; 3, 5, 7 at 17.

        The nearest odd numbers, from 3 on and distinct: at a tenth of the tokens unscaled kernels
        would all reach every token and be one and the same choice.
        """
        kernels: list[int] = []
        for kernel in self.options:
            nearest_odd = int(kernel * self.tokens(geometry) / (self.patches + 1) / 2) * 2 + 1
            kernels.append(max(nearest_odd, kernels[-1] + 2 if kernels else 3))
        return tuple(kernels)

    def layers(self, geometry: Geometry, thirds: int, expansion: int, reach: int) -> nn.Module:
        channels = geometry.width // 3 * thirds
        return Convolution(channels, expansion, partial(DepthwiseConvolution, kernel=reach))


class PatchConvolution(Locality):
    """Convolution over the grid of patches; no class token, the mean over patches instead."""

    choice, symbol, options, class_token = "kernel", "K", (3, 5, 7), False

    def scaled(self, geometry: Geometry) -> tuple[int, ...]:
        """Unchanged: from 4 patches a side on, each kernel reaches farther than the one before."""
        return self.options

    def layers(self, geometry: Geometry, thirds: int, expansion: int, reach: int) -> nn.Module:
        channels = geometry.width // 3 * thirds
        side = geometry.image_size // geometry.patch_size
        depthwise = partial(GridConvolution, kernel=reach, side=side)
        return Convolution(channels, expansion, depthwise)


class Windows(Locality):
    """Self-attention in windows; E widens queries, keys and values, as it widens convolutions."""

    choice, symbol, options = "window", "W", (14, 28, 49)

    def scaled(self, geometry: Geometry) -> tuple[int, ...]:
        """In proportion to the patches, from 2 on and distinct."""
        windows: list[int] = []
        for window in self.options:
            nearest = round(window * (self.tokens(geometry) - 1) / self.patches)
            windows.append(max(nearest, windows[-1] + 1 if windows else 2))
        return tuple(windows)

    def layers(self, geometry: Geometry, thirds: int, expansion: int, reach: int) -> nn.Module:
        """Attention of as many heads as the thirds stand for."""
        heads = geometry.heads * thirds // 3
        head_width = geometry.width // geometry.heads * expansion
        return WindowAttention(geometry.width // 3 * thirds, heads, head_width, reach)
