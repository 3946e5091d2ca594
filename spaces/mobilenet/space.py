"""Mobile networks as a search space: kernel, expansion and depth, as Once-for-All has them.

Shared weights are those of single paths: each kernel and expansion of a block has its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property, partial
from itertools import chain, product
from typing import Any

from torch import nn

from evo_nas.space.costs import cost_cache
from evo_nas.space.space import Cell, Choice, Costs, Genome, Geometry, Option, Space
from evo_nas.space.supernet import Supernet

from .blocks import InvertedResidual, MobileNetwork, Options
from .layout import DEEPEST, STAGES, Layout
from .supernet import MobileNetSupernet

_KERNELS = (3, 5, 7)
_EXPANSIONS = (3, 4, 6)
_DEPTHS = (2, 3, 4)


class MobileNet(Space):
    """Five stages of two to four inverted residuals, each with its own kernel and expansion.

    Kernels are 3, 5 and 7, expansions 3, 4 and 6. Budgets are counted at 224 pixels and 1000
    classes. There is one level and no context; a slot is a stage, because its depth decides which
    blocks it has.

    Source: Cai et al. 2020, "Once-for-All", section 3.1, on MobileNetV3; weights are shared as in
    Guo et al. 2020, "Single Path One-Shot Neural Architecture Search with Uniform Sampling".
    """

    name = "mobilenet"
    target = Geometry(224, 3, 1000, width=16)

    def __init__(self) -> None:
        self.choices = tuple(choice for number in range(STAGES) for choice in _choices(number))

    def stages(self, genome: Sequence[int]) -> tuple[tuple[Options, ...], ...]:
        """The blocks of each stage, of a full genome."""
        options = self.options(self.canonical(genome))
        return tuple(_blocks(slot, options) for slot in self.slots)

    # -- costs -----------------------------------------------------------------------------------

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        return self._slot_costs[slot]

    @cached_property
    def _slot_costs(self) -> Mapping[str, Mapping[Genome, Costs]]:
        return {slot: _stage_costs(self.target, stage) for stage, slot in enumerate(self.slots)}

    def fixed_costs(self, context: Genome) -> Costs:
        return self._fixed_costs

    @cached_property
    def _fixed_costs(self) -> Costs:
        layout = Layout(self.target)
        size, last = self.target.image_size, layout.size(STAGES)
        stem = cost_cache.count_made(layout.stem, 1, self.target.channels, size, size)
        head = cost_cache.count_made(layout.head, 1, layout.channels[-1], last, last)
        return cost_cache.total((stem, head))

    # -- networks --------------------------------------------------------------------------------

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        layout = Layout(geometry)
        blocks = [
            InvertedResidual(layout.place(stage, position), options)
            for stage, own in enumerate(self.stages(self.check(genome)))
            for position, options in enumerate(own)
        ]
        return MobileNetwork(layout.stem(), blocks, layout.head(), layout.channels[-1])

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        blocks = dict.fromkeys(
            (stage, position, block)
            for stage, slot in enumerate(self.slots)
            for options in (reachable or self).reachable(slot)
            for position, block in enumerate(_blocks(slot, options))
        )
        places = sorted(blocks, key=lambda block: block[:2])
        return MobileNetSupernet(Layout(geometry), places, self.stages)

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """A quarter of the channels; images that small are halved fewer times, see the layout."""
        return Geometry(image_size, channels, classes, width=4)

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        return tuple(
            Cell(f"{stage}.{position}", (f"K{block.kernel}", f"E{block.expansion}"), shade)
            for stage, own in enumerate(self.stages(self.check(genome)), 1)
            for position, block in enumerate(own, 1)
            for shade in [block.kernel / _KERNELS[-1]]
        )


def _choices(number: int) -> tuple[Choice, ...]:
    """A stage's depth, and of each block kernel and expansion."""
    slot = f"stage{number + 1}"
    depth = f"{slot}.depth"
    choices = [Choice(depth, _DEPTHS, slot=slot)]
    for position in range(DEEPEST):
        deep = frozenset[Option](d for d in _DEPTHS if d > position)
        when = {depth: deep} if len(deep) < len(_DEPTHS) else {}
        block = f"{slot}.block{position + 1}"
        choices.append(Choice(f"{block}.kernel", _KERNELS, slot=slot, when=when))
        choices.append(Choice(f"{block}.expansion", _EXPANSIONS, slot=slot, when=when))
    return tuple(choices)


def _blocks(slot: str, options: Mapping[str, Any]) -> tuple[Options, ...]:
    """A stage's blocks, of options by choice name."""
    blocks = [f"{slot}.block{position + 1}" for position in range(options[f"{slot}.depth"])]
    return tuple(Options(options[f"{b}.kernel"], options[f"{b}.expansion"]) for b in blocks)


def _stage_costs(target: Geometry, stage: int) -> Mapping[Genome, Costs]:
    """Each value's costs: a depth's gene, then genes of kernel and expansion of each block."""
    first, other = (
        {
            (k, e): _block_costs(target, stage, position, Options(kernel, expansion))
            for k, kernel in enumerate(_KERNELS)
            for e, expansion in enumerate(_EXPANSIONS)
        }
        for position in (0, 1)
    )
    table: dict[Genome, Costs] = {}
    for gene, depth in enumerate(_DEPTHS):
        inactive = (0, 0) * (DEEPEST - depth)
        for start, *rest in product(first, repeat=depth):
            costs = cost_cache.total([first[start], *(other[genes] for genes in rest)])
            table[gene, *chain(start, *rest), *inactive] = costs
    return table


@cache
def _block_costs(target: Geometry, stage: int, position: int, options: Options) -> Costs:
    """One block's costs at the target."""
    layout = Layout(target)
    place = layout.place(stage, position)
    side = layout.size(stage if position == 0 else stage + 1)
    block = partial(InvertedResidual, place, options)
    return cost_cache.count_made(block, 1, place.inputs, side, side)
