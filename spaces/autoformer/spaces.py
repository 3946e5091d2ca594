"""AutoFormer: vision transformers of any width, depth, heads and MLP ratios, as search spaces.

The embedding width and the depth are context, each layer's heads (64 wide) and MLP ratio are its
own. There is one level. Budgets are counted at 224 pixels, 197 tokens and 1000 classes, by
operators: the authors' formula leaves most of the cost of relative positions out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import product
from typing import Any

from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space.costs import cost_cache
from evo_nas.space.space import Cell, Choice, Costs, Genome, Geometry, Option, Space
from evo_nas.space.supernet import Supernet

from ..glit.parts import check_geometry, proxy_patch
from .blocks import AutoFormerNetwork, Layer, Shape, attention, mlp
from .supernet import AutoFormerSupernet

_HEAD_WIDTH = 64  # at the target
_PROXY_WIDTH = 50  # at least


class AutoFormer(Space):
    """The family; a subclass gives options. The target's width is the widest option."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    mlp_ratios: tuple[float, ...] = (3, 3.5, 4)
    target = Geometry(224, 3, 1000, patch_size=16)

    def __init__(self) -> None:
        self.target = replace(self.target, width=max(self.widths))
        self.choices = (
            Choice("width", self.widths),
            Choice("depth", self.depths),
            *(
                Choice(f"{slot}.{field}", options, slot=slot, when=self._when(number))
                for number, slot in enumerate(self._slot_names)
                for field, options in (("heads", self.heads), ("mlp_ratio", self.mlp_ratios))
            ),
        )

    @property
    def _slot_names(self) -> list[str]:
        return [f"layer{number:02}" for number in range(max(self.depths))]

    def _when(self, number: int) -> Mapping[str, frozenset[Option]]:
        """A layer is there if the network is deep enough."""
        deep = frozenset[Option](depth for depth in self.depths if depth > number)
        return {"depth": deep} if len(deep) < len(self.depths) else {}

    # -- costs -----------------------------------------------------------------------------------

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        """The costs of a layer at the context's width; 0 if the network is not so deep."""
        width, depth = self.widths[context[0]], self.depths[context[1]]
        if self._slot_names.index(slot) >= depth:
            return {(0, 0): {"flops": 0, "params": 0}}
        return self._layer_costs[width]

    @cached_property
    def _layer_costs(self) -> Mapping[int, Mapping[Genome, Costs]]:
        """For each option of the width, the costs of a layer by its genes."""
        tokens = (self.target.image_size // self.target.patch_size) ** 2 + 1
        tables: dict[int, Mapping[Genome, Costs]] = {}
        for option in self.widths:
            width, head_width = self._scaled(option, self.target)
            attentions = [partial(attention, width, heads, head_width) for heads in self.heads]
            mlps = [partial(mlp, width, ratio) for ratio in self.mlp_ratios]
            first = [cost_cache.count_made(make, 1, tokens, width) for make in attentions]
            second = [cost_cache.count_made(make, 1, tokens, width) for make in mlps]
            tables[option] = {
                (i, j): cost_cache.total((first[i], second[j]))
                for i, j in product(range(len(first)), range(len(second)))
            }
        return tables

    def fixed_costs(self, context: Genome) -> Costs:
        """Patch embedding, class token, position embedding, last norm and classifier."""
        return self._trunk_costs[self.widths[context[0]]]

    @cached_property
    def _trunk_costs(self) -> Mapping[int, Costs]:
        found = {}
        for width in self.widths:
            shape = Shape(*self._scaled(width, self.target), ())
            trunk = partial(AutoFormerNetwork, self.target, shape)
            size = self.target.image_size
            found[width] = cost_cache.count_made(trunk, 1, self.target.channels, size, size)
        return found

    # -- networks --------------------------------------------------------------------------------

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        self._check_geometry(geometry)
        return AutoFormerNetwork(geometry, self._shape(self.check(genome), geometry))

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        self._check_geometry(geometry)
        searched = reachable or self
        contexts: Any = searched.reachable_contexts()
        width, depth = (max(context[name] for context in contexts) for name in ("width", "depth"))
        layers = []
        for slot in self._slot_names[:depth]:
            values: Any = [options for options in searched.reachable(slot) if options]
            names = (f"{slot}.heads", f"{slot}.mlp_ratio")
            layers.append(Layer(*(max(options[name] for options in values) for name in names)))
        largest = Shape(*self._scaled(width, geometry), tuple(layers))
        return AutoFormerSupernet(
            geometry, largest, lambda genome: self._shape(self.canonical(genome), geometry)
        )

    def _shape(self, genome: Genome, geometry: Geometry) -> Shape:
        """The numbers of a canonical genome's network."""
        options: Any = self.options(genome)
        slots = self._slot_names[: options["depth"]]
        layers = (Layer(options[f"{slot}.heads"], options[f"{slot}.mlp_ratio"]) for slot in slots)
        return Shape(*self._scaled(options["width"], geometry), tuple(layers))

    def _scaled(self, width: int, geometry: Geometry) -> tuple[int, int]:
        """A width and a head's width at a geometry, in proportion to its width."""
        widest = max(self.widths)
        return width * geometry.width // widest, _HEAD_WIDTH * geometry.width // widest

    def _check_geometry(self, geometry: Geometry) -> None:
        """Raise a SpaceError if no network of the space has this geometry."""
        check_geometry(geometry)
        if geometry.heads != 1:
            raise SpaceError(
                f"geometry {geometry}: {self.name} chooses the heads of each layer; leave heads out"
            )
        if geometry.width % self._unit:
            raise SpaceError(
                f"geometry {geometry}: the width stands for {max(self.widths)}, the widest option, "
                f"and all options and the heads scale with it; choose a multiple of {self._unit}"
            )

    @property
    def _unit(self) -> int:
        """The smallest width at which all options and the heads are whole numbers."""
        return max(self.widths) // math.gcd(*self.widths, _HEAD_WIDTH)

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """The widest option is about 50 wide, the others the same shares of it as at the target.

        About 8 patches a side; 14 from 160 pixels on.
        """
        width = -(-_PROXY_WIDTH // self._unit) * self._unit
        return Geometry(image_size, channels, classes, proxy_patch(image_size), width=width)

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        """One box a layer, darker with more heads."""
        shape = self._shape(self.check(genome), self.target)
        return tuple(
            Cell(str(n), (f"H{heads}", f"z{ratio:g}"), heads / max(self.heads))
            for n, (heads, ratio) in enumerate(shape.layers, 1)
        )


class AutoFormerTiny(AutoFormer):
    """192 to 240 wide, 12 to 14 layers, 3 or 4 heads.

    The paper has MLP ratios 3.5 and 4; the network that its authors released also has 3.

    Source: Chen et al. 2021, "AutoFormer", Table 1, "Supernet-tiny".
    """

    name = "autoformer_tiny"
    widths, depths, heads = (192, 216, 240), (12, 13, 14), (3, 4)


class AutoFormerSmall(AutoFormer):
    """320 to 448 wide, 12 to 14 layers, 5 to 7 heads.

    Source: Chen et al. 2021, "AutoFormer", Table 1, "Supernet-small".
    """

    name = "autoformer_small"
    widths, depths, heads = (320, 384, 448), (12, 13, 14), (5, 6, 7)


class AutoFormerBase(AutoFormer):
    """528 to 624 wide, 14 to 16 layers, 8 to 10 heads.

    Source: Chen et al. 2021, "AutoFormer", Table 1, "Supernet-base".
    """

    name = "autoformer_base"
    widths, depths, heads = (528, 576, 624), (14, 15, 16), (8, 9, 10)
