"""The modules of AutoFormer networks (Chen et al., ICCV 2021, "AutoFormer", section 3).

A network is a sequence of steps by name: "embed", then "attention00", "mlp00" and so on, then
"classify". Tokens are float (batch, tokens, width); the class token comes first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.space.network import StochasticDepth, pool_tokens
from evo_nas.space.space import Geometry

from ..glit.blocks import FeedForward, GlobalHeads, Linear, PatchEmbedding, by_head, on_grid
from ..trunk import BlockNetwork, Unit, grid_of, resampled

FARTHEST = 14  # patches; those farther apart count as so far


class Layer(NamedTuple):
    """The options of one layer."""

    heads: int
    mlp_ratio: float


class Shape(NamedTuple):
    """A network's numbers: its embedding width, the width of each head, and its layers."""

    width: int
    head_width: int
    layers: tuple[Layer, ...]


class Embedding(nn.Module):
    """Images (batch, channels, size, size) to tokens: patches, class token and positions."""

    def __init__(self, geometry: Geometry, width: int) -> None:
        super().__init__()
        tokens = (geometry.image_size // geometry.patch_size) ** 2 + 1
        self.patch_embed = PatchEmbedding(geometry.channels, width, geometry.patch_size)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, width))
        for weights in (self.cls_token, self.pos_embed):
            nn.init.trunc_normal_(weights, std=0.02)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embed(images)
        tokens = torch.cat((self.cls_token.expand(patches.shape[0], -1, -1), patches), dim=1)
        return tokens + self.pos_embed


class RelativePosition(nn.Module):
    """Relative positions for a head: a vector for each pair of tokens.

    It is the sum of one for the distance in rows and one for that in columns, clipped at
    :data:`FARTHEST`; pairs with the class token have vectors of their own, the first.
    """

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(2 * FARTHEST + 2, head_width))
        self.columns = nn.Parameter(torch.empty(2 * FARTHEST + 2, head_width))
        for table in (self.rows, self.columns):
            nn.init.trunc_normal_(table, std=0.02)

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Indices (tokens, tokens) of :func:`distances` to vectors (tokens, tokens, head width)."""
        return self.rows[rows] + self.columns[columns]


def distances(tokens: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Which vector each pair of tokens has for rows and for columns, (tokens, tokens) each."""
    side = math.isqrt(tokens - 1)
    place = torch.arange(side, device=device)
    apart = (place[None] - place[:, None]).clamp(-FARTHEST, FARTHEST) + FARTHEST + 1
    rows = apart[:, None, :, None].expand(side, side, side, side)
    columns = apart[None, :, None, :].expand(side, side, side, side)
    padded = [F.pad(i.reshape(tokens - 1, tokens - 1), (1, 0, 1, 0)) for i in (rows, columns)]
    return padded[0], padded[1]


class Attention(GlobalHeads):
    """Self-attention with relative positions of keys and of values (Shaw et al. 2018)."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__(width, heads, head_width)
        self.key_position = RelativePosition(head_width)
        self.value_position = RelativePosition(head_width)

    def forward(self, tokens: Tensor) -> Tensor:
        where = distances(int(tokens.shape[1]), tokens.device)
        query, key, value = by_head(self.qkv(tokens), self.heads)
        scores = query @ key.transpose(2, 3)
        scores = scores + _by_token(query, self.key_position(*where).transpose(1, 2))
        weights = (scores * query.shape[-1] ** -0.5).softmax(-1)
        mixed = weights @ value + _by_token(weights, self.value_position(*where))
        return self.proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def _by_token(left: Tensor, right: Tensor) -> Tensor:
    """The product, for each token, of left (batch, heads, tokens, n) and right (tokens, n, m)."""
    batch, heads, tokens, _ = left.shape
    product = left.permute(2, 0, 1, 3).flatten(1, 2) @ right
    return product.view(tokens, batch, heads, -1).permute(1, 2, 0, 3)


class Residual(nn.Module):
    """x + module(norm(x)): half a layer, from tokens to tokens of the same shape."""

    def __init__(self, width: int, module: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.module = module
        self.drop = StochasticDepth()

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.drop(self.module(self.norm(tokens)))  # type: ignore[no-any-return]


class Classifier(nn.Module):
    """Tokens to logits (batch, classes), of the mean over patches."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.head = Linear(width, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(pool_tokens(self.norm(tokens), "avg"))  # type: ignore[no-any-return]


class AutoFormerNetwork(BlockNetwork, nn.Sequential):
    """A stand-alone network: its steps one after another."""

    classifier = "classify.head"
    pools = ("avg", "token", "")

    def __init__(self, geometry: Geometry, shape: Shape) -> None:
        super().__init__(OrderedDict((name, make()) for name, make in parts(geometry, shape)))
        self.num_features = shape.width
        self._patch = geometry.patch_size

    def begin(self, images: Tensor) -> Tensor:
        return self.embed(images)  # type: ignore[no-any-return, operator]

    def trunk(self) -> list[Unit]:
        halves = list(self)[1:-1]
        layers = zip(halves[::2], halves[1::2], strict=True)
        return [Unit(layer, self.num_features, self._patch) for layer in layers]

    def finish(self, features: Tensor) -> Tensor:
        return self.get_submodule("classify.norm")(features)  # type: ignore[no-any-return]

    def split(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        return on_grid(features[:, 1:]), features[:, :1]

    def set_input_size(self, img_size: int) -> None:
        side = grid_of(img_size, self._patch)
        embedding = self[0]
        assert isinstance(embedding, Embedding)
        embedding.pos_embed = resampled(embedding.pos_embed, side, class_tokens=1)

    def pool(self, features: Tensor) -> Tensor:
        return pool_tokens(features, self.global_pool)


def parts(geometry: Geometry, shape: Shape) -> Iterator[tuple[str, partial[Any]]]:
    """The steps of a network by name, in order: calls whose arguments are all they depend on."""
    width, head_width, layers = shape
    yield "embed", partial(Embedding, geometry, width)
    for number, (heads, ratio) in enumerate(layers):
        yield f"attention{number:02}", partial(attention, width, heads, head_width)
        yield f"mlp{number:02}", partial(mlp, width, ratio)
    yield "classify", partial(Classifier, width, geometry.classes)


def attention(width: int, heads: int, head_width: int) -> Residual:
    """The first half of a layer."""
    return Residual(width, Attention(width, heads, head_width))


def mlp(width: int, ratio: float) -> Residual:
    """The second half of a layer."""
    return Residual(width, FeedForward(width, ratio))
