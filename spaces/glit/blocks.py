"""The modules of GLiT networks (Chen et al., ICCV 2021, section 3.1 and Figures 2 to 4).

Names and shapes of weights are those of the authors' released network, so that its state dict loads
strictly. Tokens are float (batch, tokens, channels); the class token comes first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.space.network import StochasticDepth, pool_tokens
from evo_nas.space.space import Geometry

from ..entanglement import Layout, Part, Place
from ..trunk import BlockNetwork, Unit, grid_of, resampled
from .convolution import GridConvolution


class Linear(nn.Linear):
    """A linear layer initialised as in DeiT: normal of deviation 0.02, truncated, bias 0."""

    def reset_parameters(self) -> None:
        """Initialise the weights, instead of a second time: large supernets are built sooner."""
        nn.init.trunc_normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)


def layer_norm(width: int) -> nn.LayerNorm:
    """The normalisation over channels before each sub-module."""
    return nn.LayerNorm(width, eps=1e-6)


class GlobalHeads(nn.Module):
    """Self-attention of a block's global heads, on their share of the channels (Figure 3).

    Tokens (batch, tokens, channels) to the same shape. ``head_width`` is the width of each head's
    queries, keys and values; the paper's d_k is the sum over as many heads as the whole block has.
    """

    place: Place = "first"  # of heads and channels, where more of them are shared

    def __init__(self, channels: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(channels, 3 * heads * head_width)
        self.proj = Linear(heads * head_width, channels)

    def extra_repr(self) -> str:
        return f"heads={self.heads}"

    def forward(self, tokens: Tensor) -> Tensor:
        return attend(tokens, self.qkv, self.proj, self.heads)

    def layout(self) -> Layout:
        """Rows of queries, keys and values by head (see :mod:`spaces.entanglement`)."""
        channels, inner = self.qkv.in_features, self.proj.in_features
        by_head = (Part(self.heads, self.place), Part(inner // self.heads))
        outside = (Part(channels, self.place),)
        return {
            "qkv.weight": ((Part(3), *by_head), outside), "qkv.bias": ((Part(3), *by_head),),
            "proj.weight": (outside, by_head), "proj.bias": (outside,),
        }  # fmt: skip


def attend(tokens: Tensor, qkv: nn.Linear, proj: nn.Linear, heads: int) -> Tensor:
    """Multi-head attention, scaled by the square root of the head width."""
    mixed = F.scaled_dot_product_attention(*by_head(qkv(tokens), heads))
    return F.linear(mixed.transpose(1, 2).flatten(2), proj.weight, proj.bias)


def by_head(projected: Tensor, heads: int) -> Tensor:
    """Queries, keys and values (3, batch, heads, tokens, head width), as timm's weights have them.

    The released weights have them in this order, too.
    """
    batch, length, _ = projected.shape
    return projected.view(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4)


class LocalHeads(nn.Module):
    """The local heads of a block, on their share of the channels.

    ``net`` are their layers, whatever they are, tokens (batch, tokens, channels) to the same shape;
    the released weights know them by this name.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, tokens: Tensor) -> Tensor:
        return self.net(tokens)  # type: ignore[no-any-return]


class GlobalLocal(nn.Module):
    """Global heads on the first channels beside local heads on the others; results concatenated.

    Holds the layers of both under the flat names of the released weights.
    """

    def __init__(self, global_heads: GlobalHeads, local_heads: LocalHeads) -> None:
        super().__init__()
        self.heads = global_heads.heads
        self.channels = global_heads.proj.out_features
        self.qkv, self.proj, self.net = global_heads.qkv, global_heads.proj, local_heads.net

    def extra_repr(self) -> str:
        return f"heads={self.heads}"

    def forward(self, tokens: Tensor) -> Tensor:
        first, others = tokens[..., : self.channels], tokens[..., self.channels :]
        attended = attend(first, self.qkv, self.proj, self.heads)
        return torch.cat((attended, self.net(others)), dim=-1)


class FeedForward(nn.Module):
    """Two linear layers with GELU between, ``ratio`` (the paper's d_z) times as wide inside.

    The paper says Swish; the released network has GELU.
    """

    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        self.fc1 = Linear(width, int(width * ratio))
        self.fc2 = Linear(int(width * ratio), width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """x + GL(LN(x)), then x + FFN(LN(x)); the paper's global-local block."""

    def __init__(
        self, norm1: nn.LayerNorm, attn: nn.Module, norm2: nn.LayerNorm, mlp: nn.Module
    ) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2, self.mlp = norm1, attn, norm2, mlp
        self.drop = StochasticDepth()

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.drop(self.attn(self.norm1(tokens)))
        return tokens + self.drop(self.mlp(self.norm2(tokens)))  # type: ignore[no-any-return]


def residual(tokens: Tensor, norm: nn.Module, module: nn.Module) -> Tensor:
    """x + module(norm(x)), as one half of a :class:`Block` computes it outside of training."""
    return tokens + module(norm(tokens))  # type: ignore[no-any-return]


class PatchEmbedding(nn.Module):
    """Images (batch, channels, size, size) to tokens (batch, patches, width), row by row."""

    def __init__(self, channels: int, width: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch_size, patch_size)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


def on_grid(patches: Tensor) -> Tensor:
    """Patches (batch, side * side, width), row by row, in place: (batch, width, side, side)."""
    side = math.isqrt(patches.shape[1])
    return patches.transpose(1, 2).unflatten(2, (side, side))  # type: ignore[no-any-return, no-untyped-call]


class GlitNetwork(BlockNetwork):
    """Patches in, blocks, classes out; without blocks it is the ends that all networks share.

    With a class token, classes are read from it; without one, from the mean over patches.
    """

    classifier = "head"

    def __init__(
        self, geometry: Geometry, blocks: Sequence[Block] = (), class_token: bool = True
    ) -> None:
        super().__init__()
        self.num_features = geometry.width
        self.global_pool = "token" if class_token else "avg"
        self.pools = ("token", "avg", "") if class_token else ("avg", "")
        tokens = (geometry.image_size // geometry.patch_size) ** 2 + class_token
        self.cls_token = nn.Parameter(torch.empty(1, 1, geometry.width)) if class_token else None
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, geometry.width))
        if self.cls_token is not None:
            nn.init.trunc_normal_(self.cls_token, std=0.02)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.patch_embed = PatchEmbedding(geometry.channels, geometry.width, geometry.patch_size)
        self.norm = layer_norm(geometry.width)
        self.head = Linear(geometry.width, geometry.classes)
        # Each block sits in a list of its own: the released weights are called blocks.0.0.norm1.
        self.blocks = nn.Sequential(*(nn.Sequential(block) for block in blocks))

    def embed(self, images: Tensor) -> Tensor:
        """Images (batch, channels, size, size) to tokens (batch, tokens, width)."""
        tokens = self.patch_embed(images)
        if self.cls_token is not None:
            # Not len(tokens), a number for good where networks are exported for any batch.
            classes = self.cls_token.expand(tokens.shape[0], -1, -1)
            tokens = torch.cat((classes, tokens), dim=1)
        return tokens + self.pos_embed  # type: ignore[no-any-return]

    def classify(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, tokens, width) of the last block to logits (batch, classes)."""
        return self.forward_head(self.norm(tokens))

    def begin(self, images: Tensor) -> Tensor:
        return self.embed(images)

    def trunk(self) -> list[Unit]:
        patch = self.patch_embed.proj.stride[0]
        return [Unit((block,), self.num_features, patch) for block in self.blocks]

    def finish(self, features: Tensor) -> Tensor:
        return self.norm(features)  # type: ignore[no-any-return]

    def split(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.cls_token is None:
            return on_grid(features), None
        return on_grid(features[:, 1:]), features[:, :1]

    def set_input_size(self, img_size: int) -> None:
        side = grid_of(img_size, self.patch_embed.proj.stride[0])
        self.pos_embed = resampled(self.pos_embed, side, int(self.cls_token is not None))
        for module in self.modules():
            if isinstance(module, GridConvolution):
                module.side = side

    def pool(self, features: Tensor) -> Tensor:
        return pool_tokens(features, self.global_pool, int(self.cls_token is not None))
