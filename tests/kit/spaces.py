"""Small spaces for tests: every situation a space can be in, few enough genomes to enumerate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import nn

from evo_nas.sampling.distribution import Distribution
from evo_nas.space.space import Choice, Costs, Genome, Geometry, Option, Space


def all_canonical(space: Space) -> list[Genome]:
    """All canonical genomes, by brute force."""
    return sorted(
        {
            space.canonical(tuple(g.values()))
            for g in space.partial_genomes(range(len(space.choices)), {})
        }
    )


def prior_mass(space: Space, genome: Genome) -> float:
    """The prior probability of a canonical genome, straight from its definition."""
    mass = 1.0
    for choice, on in zip(space.choices, space.active(genome), strict=True):
        mass /= len(choice.options) if on else 1
    return mass


def masses(
    space: Space, distribution: Distribution, legal: Sequence[Genome]
) -> dict[Genome, float]:
    """The conditioned distribution, straight from its definition."""
    found = dict.fromkeys(legal, 0.0)
    for genes in space.partial_genomes(range(len(space.choices)), {}):
        genome = tuple(genes.values())
        active = zip(distribution.probabilities, genome, space.active(genome), strict=True)
        if (canonical := space.canonical(genome)) in found:
            found[canonical] += float(np.prod([p[gene] for p, gene, on in active if on]))
    total = sum(found.values())
    return {genome: mass / total for genome, mass in found.items()}


def chi_square_tail(drawn: Counter[Genome], expected: Mapping[Genome, float]) -> float:
    """How likely draws are as far from what is expected, or further; rare genomes are one."""
    draws = drawn.total()
    often = [genome for genome, share in expected.items() if draws * share >= 5]
    pairs = [(drawn[genome], draws * expected[genome]) for genome in often]
    rest = draws - sum(count for count, _ in pairs), draws - sum(mean for _, mean in pairs)
    if rest[1] > 1:
        pairs.append(rest)
    elif rest[1] < 1e-6:
        assert rest[0] == 0  # of what the distribution never gives
    if len(pairs) < 2:
        return 1.0
    distance = sum((count - mean) ** 2 / mean for count, mean in pairs)
    degrees = torch.tensor((len(pairs) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(degrees, torch.tensor(distance / 2, dtype=torch.float64)))


class TinySpace(Space):
    """Blocks with a kind (level 0) and details (level 1) that depend on it, as in GLiT.

    "a" has a size, "b" a size and a depth, "c" nothing. With ``wide`` there is also a context
    choice of level 0 that doubles every slot's cost.
    """

    name = "tiny"
    target = Geometry(8, 1, 2)

    def __init__(self, blocks: int = 3, wide: bool = False, unit: int = 10) -> None:
        self.unit = unit
        choices = [Choice("width", ("thin", "wide"))] if wide else []
        for number in range(blocks):
            slot = f"block{number}"
            choices += [
                Choice(f"{slot}.kind", ("a", "b", "c"), 0, slot),
                Choice(f"{slot}.size", (1, 2, 4), 1, slot, {f"{slot}.kind": frozenset({"a", "b"})}),
                Choice(f"{slot}.depth", (1, 2), 1, slot, {f"{slot}.kind": frozenset({"b"})}),
            ]
        self.choices = tuple(choices)

    def details(self) -> Mapping[str, Option]:
        middle = {"kind": "a", "size": 2, "depth": 1}
        return {c.name: middle.get(c.name.rpartition(".")[2], "thin") for c in self.choices}

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        factor = 2 if context and context[0] == 1 else 1
        offset = int(slot.removeprefix("block"))
        table = {}
        for value in self.slot_values(slot, context):
            kind, size, depth = "abc"[value[0]], (1, 2, 4)[value[1]], (1, 2)[value[2]]
            cost = {"a": 3 * size, "b": 2 * size * depth + 1, "c": 1}[kind] + offset
            table[value] = {"flops": factor * cost * self.unit, "params": cost}
        return table

    def fixed_costs(self, context: Genome) -> Costs:
        return {"flops": 7, "params": 1}

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        raise NotImplementedError


class Uneven(TinySpace):
    """The same costs, of which the space does not say that they add up."""

    def slot_costs(self, slot: str, context: Genome) -> None:  # type: ignore[override]
        return None

    @cached_property
    def _additive(self) -> TinySpace:
        return TinySpace(len(self.slots), wide=self.choices[0].name == "width", unit=self.unit)

    @cached_property
    def _known(self) -> dict[Genome, Costs]:
        return {}

    def costs(self, genome: Sequence[int]) -> Costs:
        genome = tuple(genome)
        if genome not in self._known:
            self._known[genome] = self._additive.costs(genome)
        return self._known[genome]


class Tangled(Uneven):
    """Costs of which some are more than their parts, and choices that belong to no slot."""

    def __init__(self, blocks: int = 2, wide: bool = True) -> None:
        super().__init__(blocks, wide)
        self.choices = (*self.choices, Choice("pool", (1, 2, 3)), Choice("skip", ("no", "yes")))

    def costs(self, genome: Sequence[int]) -> Costs:
        *others, pool, skip = self.canonical(genome)
        costs = dict(super().costs(others))
        return {name: cost // (1 + pool) + 13 * skip * pool for name, cost in costs.items()}


class Merging(TinySpace):
    """Blocks commute, and a skipped one ("c") may be anywhere: different genomes, one network."""

    def canonical(self, genome: Sequence[int]) -> Genome:
        genome = super().canonical(genome)
        blocks = [genome[i : i + 3] for i in range(0, len(genome), 3)]
        return tuple(gene for block in sorted(blocks) for gene in block)

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        return super().slot_costs("block0", context)


SHALLOW = """
family = "glit"
depth = 2
local_heads = "{local}"
[target]
width = 12
heads = 3
image_size = 16
patch_size = 4
classes = 5
channels = 1
[options]
heads = [{heads}]
"""


def shallow_toml(local: str = "convolution", heads: str = "1, 2") -> str:
    """A TOML space of two narrow blocks: the kind of its local heads, numbers of global ones."""
    return SHALLOW.format(local=local, heads=heads)
