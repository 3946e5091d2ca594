"""Shared weights for the family of GLiT: one module for each distinct sub-module of each block.

Paths share global heads of the same (G, d_k), local heads of the same (L, E, K), an FFN of the same
d_z, a block's norms, and the trunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from torch import Tensor, nn

from evo_nas.space.space import Genome
from evo_nas.space.supernet import Step, Supernet

from .blocks import GlobalHeads, GlobalLocal, LocalHeads, Trunk, residual
from .parts import BlockOptions, Parts


class GlitSupernet(Supernet):
    """Weights for what can be reached, no more; paths are full genomes of the root space.

    Args:
        parts: makes modules at the supernet's geometry.
        reachable: for each block, what it can be.
        blocks: from a full genome to its blocks.
    """

    def __init__(
        self,
        parts: Parts,
        reachable: Sequence[Sequence[BlockOptions]],
        blocks: Callable[[Genome], Sequence[BlockOptions]],
    ) -> None:
        super().__init__()
        self._decode = blocks
        self.trunk = Trunk(parts.geometry, parts.locality.class_token)
        self.blocks = nn.ModuleDict(
            {f"block{number:02}": _SharedBlock(parts, own) for number, own in enumerate(reachable)}
        )

    def steps(self, genome: Genome) -> Sequence[Step]:
        """The path of a genome: the patches, two steps for each block, the classes."""
        steps = [Step("embed", self.trunk.embed)]
        for name, block, options in self._blocks(genome):
            steps.extend(block.steps(name, options))
        return [*steps, Step("classify", self.trunk.classify)]

    def extract(self, genome: Genome) -> dict[str, Tensor]:
        """Copies of the path's weights, under the names of the stand-alone network."""
        state = dict(self.trunk.state_dict())
        for number, (_, block, options) in enumerate(self._blocks(genome)):
            for name, module in block.modules_of(options).items():
                state.update(module.state_dict(prefix=f"blocks.{number}.0.{name}."))
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def _blocks(self, genome: Genome) -> list[tuple[str, _SharedBlock, BlockOptions]]:
        found = []
        options = self._decode(genome)
        for (name, block), own in zip(self.blocks.items(), options, strict=True):
            assert isinstance(block, _SharedBlock)
            found.append((name, block, own))
        return found


class _SharedBlock(nn.Module):
    """All sub-modules that one block can hold."""

    def __init__(self, parts: Parts, reachable: Sequence[BlockOptions]) -> None:
        super().__init__()
        self.norm1, self.norm2 = parts.norm(), parts.norm()
        self.global_heads = nn.ModuleDict()
        self.local_heads = nn.ModuleDict()
        self.feed_forwards = nn.ModuleDict()
        self._steps: dict[BlockOptions, tuple[Step, Step]] = {}  # those asked for before
        for options in reachable:
            if options.heads > 0 and _global(options) not in self.global_heads:
                self.global_heads[_global(options)] = parts.global_heads(options)
            if options.heads < 3 and _local(options) not in self.local_heads:
                self.local_heads[_local(options)] = parts.local_heads(options)
            if _feed_forward(options) not in self.feed_forwards:
                self.feed_forwards[_feed_forward(options)] = parts.feed_forward(options)

    def modules_of(self, options: BlockOptions) -> Mapping[str, nn.Module]:
        """The block's modules for some options, by their names in a stand-alone block."""
        return {
            "norm1": self.norm1,
            "attn": self._attn(options),
            "norm2": self.norm2,
            "mlp": self.feed_forwards[_feed_forward(options)],
        }

    def _attn(self, options: BlockOptions) -> nn.Module:
        if options.heads == 0:
            return self.local_heads[_local(options)]
        attention = self.global_heads[_global(options)]
        if options.heads == 3:
            return attention
        convolution = self.local_heads[_local(options)]
        assert isinstance(attention, GlobalHeads)
        assert isinstance(convolution, LocalHeads)
        return GlobalLocal(attention, convolution)  # holds the shared layers, owns none

    def steps(self, name: str, options: BlockOptions) -> tuple[Step, Step]:
        """The global-local half and the FFN half; ``name`` is the block's."""
        if options not in self._steps:
            self._steps[options] = self._make_steps(name, options)
        return self._steps[options]

    def _make_steps(self, name: str, options: BlockOptions) -> tuple[Step, Step]:
        modules = self.modules_of(options)
        mixing = (name, "gl", options.heads, options.d_k, options.expansion, options.reach)
        norms = tuple(m for m in modules["attn"].modules() if isinstance(m, nn.BatchNorm1d))
        return (
            Step(mixing, partial(residual, norm=self.norm1, module=modules["attn"]), norms),
            Step(
                (name, "ffn", options.d_z),
                partial(residual, norm=self.norm2, module=modules["mlp"]),
            ),
        )


# Names of shared modules; "." may not be part of one.


def _global(options: BlockOptions) -> str:
    return f"G{options.heads} dk{options.d_k}".replace(".", "_")


def _local(options: BlockOptions) -> str:
    return f"L{3 - options.heads} E{options.expansion} K{options.reach}"


def _feed_forward(options: BlockOptions) -> str:
    return f"z{options.d_z}".replace(".", "_")
