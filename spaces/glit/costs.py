"""FLOPs and parameters of blocks, as sums over their parts, each distinct one counted once."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from evo_nas.space import costcache
from evo_nas.space.space import Costs, Option

from .parts import BlockOptions, Parts


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
            self._known[key] = costcache.count(part, tokens)
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
