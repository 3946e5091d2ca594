"""Shared weights for the family of GLiT.

Paths always share the trunk and each block's norms. *Separate*, they also share global heads of the
same (G, d_k), local heads of the same (L, E, K) and an FFN of the same d_z, each a module of its
own. *Entangled*, these are slices of the largest (see :mod:`spaces.entanglement`): global heads
have the first channels, local ones the last; BatchNorm's statistics stay their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from evo_nas.space.space import Genome
from evo_nas.space.supernet import Step, Supernet

from ..entanglement import Loan, run_on_loan
from .blocks import Block, GlitNetwork, GlobalLocal, residual
from .parts import BlockOptions, Parts


class SharedBlock(nn.Module):
    """All sub-modules that one block can hold."""

    def __init__(self, parts: Parts, reachable: Sequence[BlockOptions]) -> None:
        super().__init__()
        self.norm1, self.norm2 = parts.norm(), parts.norm()
        self.global_heads = nn.ModuleDict()
        self.local_heads = nn.ModuleDict()
        self.feed_forwards = nn.ModuleDict()
        self._steps: dict[BlockOptions, tuple[Step, Step]] = {}  # those asked for before
        for options in reachable:
            heads, d_k, d_z, expansion, reach = options
            attention, convolution, feed_forward = _names(options)
            if heads > 0 and attention not in self.global_heads:
                self.global_heads[attention] = parts.global_heads(heads, d_k)
            if heads < 3 and convolution not in self.local_heads:
                self.local_heads[convolution] = parts.local_heads(3 - heads, expansion, reach)
            if feed_forward not in self.feed_forwards:
                self.feed_forwards[feed_forward] = parts.feed_forward(d_z)

    def block(self, options: BlockOptions) -> Block:
        """The block of some options: it holds the shared modules, and owns none."""
        attention, convolution, feed_forward = _names(options)
        found: list[nn.Module] = []
        if options.heads > 0:
            found.append(self.global_heads[attention])
        if options.heads < 3:
            found.append(self.local_heads[convolution])
        attn = found[0] if len(found) == 1 else GlobalLocal(*found)  # type: ignore[arg-type]
        return Block(self.norm1, attn, self.norm2, self.feed_forwards[feed_forward])

    def steps(self, name: str, options: BlockOptions) -> tuple[Step, Step]:
        """The block's halves; ``name`` is its own."""
        if options not in self._steps:
            block = self.block(options)
            mixing = (name, "gl", options.heads, options.d_k, options.expansion, options.reach)
            norms = tuple(m for m in block.attn.modules() if isinstance(m, nn.BatchNorm1d))
            first = partial(residual, norm=self.norm1, module=block.attn)
            second = partial(residual, norm=self.norm2, module=block.mlp)
            self._steps[options] = (
                Step(mixing, first, norms),
                Step((name, "ffn", options.d_z), second),
            )
        return self._steps[options]

    def state(self, options: BlockOptions, prefix: str) -> dict[str, Tensor]:
        """The weights and statistics of the block of some options."""
        return self.block(options).state_dict(prefix=prefix)


class EntangledBlock(SharedBlock):
    """The same, with hollow modules that borrow slices of the largest one's weights."""

    def __init__(self, parts: Parts, reachable: Sequence[BlockOptions]) -> None:
        with torch.device("meta"):
            super().__init__(parts, reachable)
        self.norm1, self.norm2 = parts.norm(), parts.norm()
        self.largest = nn.ModuleDict()
        self._loans: dict[nn.Module, Loan] = {}
        most = BlockOptions(*map(max, zip(*reachable, strict=True)))
        fewest = min(options.heads for options in reachable)
        if self.global_heads:
            heads = parts.global_heads(most.heads, most.d_k)
            self._lend("global_heads", heads, self.global_heads)
        if self.local_heads:
            local = parts.local_heads(3 - fewest, most.expansion, most.reach)
            self._lend("local_heads", local, self.local_heads)
        self._lend("feed_forwards", parts.feed_forward(most.d_z), self.feed_forwards)

    def _lend(self, name: str, largest: nn.Module, hollow: nn.ModuleDict) -> None:
        self.largest[name] = largest
        self._loans.update((each, Loan(largest, each)) for each in hollow.values())

    def steps(self, name: str, options: BlockOptions) -> tuple[Step, Step]:
        if options not in self._steps:
            *mixing, feed_forward = self._loans_of(options)
            first, second = super().steps(name, options)
            self._steps[options] = (
                first._replace(run=partial(run_on_loan, run=first.run, loans=mixing)),
                second._replace(run=partial(run_on_loan, run=second.run, loans=[feed_forward])),
            )
        return self._steps[options]

    def state(self, options: BlockOptions, prefix: str) -> dict[str, Tensor]:
        with ExitStack() as stack:
            for loan in self._loans_of(options):
                stack.enter_context(loan)
            return super().state(options, prefix)

    def _loans_of(self, options: BlockOptions) -> list[Loan]:
        """Those of global heads, local heads and FFN, as far as the block has them."""
        shared = (self.global_heads, self.local_heads, self.feed_forwards)
        found = zip(shared, _names(options), strict=True)
        # Names of what the block lacks, such as no global heads, are no keys.
        return [self._loans[modules[name]] for modules, name in found if name in modules]


class GlitSupernet(Supernet):
    """Weights for what can be reached, no more; paths are full genomes of the root space.

    Args:
        parts: makes modules at the supernet's geometry.
        reachable: for each block, what it can be.
        blocks: from a full genome to its blocks.
        entangled: whether weights are slices of the largest.
    """

    def __init__(
        self,
        parts: Parts,
        reachable: Sequence[Sequence[BlockOptions]],
        blocks: Callable[[Genome], Sequence[BlockOptions]],
        *,
        entangled: bool = False,
    ) -> None:
        super().__init__()
        self._decode = blocks
        self.trunk = GlitNetwork(parts.geometry, class_token=parts.locality.class_token)
        kind = EntangledBlock if entangled else SharedBlock
        self.blocks = nn.ModuleDict(
            {f"block{number:02}": kind(parts, own) for number, own in enumerate(reachable)}
        )

    def steps(self, genome: Genome) -> Sequence[Step]:
        steps = [Step("embed", self.trunk.embed)]
        for name, block, options in self._blocks(genome):
            steps.extend(block.steps(name, options))
        return [*steps, Step("classify", self.trunk.classify)]

    def extract(self, genome: Genome) -> dict[str, Tensor]:
        state = dict(self.trunk.state_dict())
        for number, (_, block, options) in enumerate(self._blocks(genome)):
            state.update(block.state(options, f"blocks.{number}.0."))
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def _blocks(self, genome: Genome) -> Iterator[tuple[str, SharedBlock, BlockOptions]]:
        for (name, block), own in zip(self.blocks.items(), self._decode(genome), strict=True):
            assert isinstance(block, SharedBlock)
            yield name, block, own


def _names(options: BlockOptions) -> tuple[str, str, str]:
    """Of the shared modules: global heads, local heads, FFN; "." may not be part of one."""
    heads, d_k, d_z, expansion, reach = options
    names = (f"G{heads} dk{d_k}", f"L{3 - heads} E{expansion} K{reach}", f"z{d_z}")
    attention, convolution, feed_forward = (name.replace(".", "_") for name in names)
    return attention, convolution, feed_forward
