"""Made-up search spaces with known results, each hard in another way, for benchmarks of strategies.

``instance`` makes another landscape of the same kind. Metrics of a repeat are noisy, by ``noise``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.space.space import Choice, Costs, Genome, Geometry, Option, Space


class Landscape(Space):
    """Results are computed, not looked up; every option of a choice costs another 10 or so."""

    target = Geometry(0, 0, 0)

    def __init__(
        self, choices: int, options: Sequence[Option], instance: int, noise: float
    ) -> None:
        self.choices = tuple(
            Choice(f"choice{i}", tuple(options), slot=f"choice{i}") for i in range(choices)
        )
        self.noise = noise
        self.rng = np.random.default_rng([instance, choices, len(options)])
        self._steps = self.rng.integers(5, 16, size=choices).tolist()

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        step = self._steps[self.index[slot]]
        options = range(len(self.choices[self.index[slot]].options))
        return {(gene,): {"flops": step * (1 + gene), "params": 0} for gene in options}

    def metrics(self, genome: Sequence[int], repeat: int | None = None) -> Mapping[str, float]:
        genome = self.canonical(genome)
        accuracy = self.score(genome)
        if repeat is not None:
            digest = sha256(repr((repeat, genome)).encode()).digest()
            deviate = np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal()
            accuracy += self.noise * deviate
        return {"accuracy": accuracy}

    @abstractmethod
    def score(self, genome: Genome) -> float:
        """The truth."""

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        raise NotImplementedError


class Interactions(Landscape):
    """An NK landscape (Kauffman and Levin 1987): each choice's part depends on ``others`` too.

    Besides, each option has an effect of its own, ``main`` times as large.
    """

    name = "interactions"

    def __init__(
        self,
        choices: int = 12,
        options: int = 4,
        others: int = 2,
        main: float = 0.5,
        instance: int = 0,
        noise: float = 0.0,
    ) -> None:
        super().__init__(choices, [f"option{i}" for i in range(options)], instance, noise)
        draw = self.rng
        self._groups = [
            [i, *draw.choice(np.delete(np.arange(choices), i), others, replace=False).tolist()]
            for i in range(choices)
        ]
        self._parts = draw.random((choices, *[options] * (others + 1)))
        self._own = main * draw.standard_normal((choices, options))

    def score(self, genome: Genome) -> float:
        together = sum(
            part[tuple(genome[i] for i in group)]
            for part, group in zip(self._parts, self._groups, strict=True)
        )
        alone = sum(own[gene] for own, gene in zip(self._own, genome, strict=True))
        return float(together + alone) / len(genome)


class Saturating(Interactions):
    """The same, seen through a measure that saturates, as accuracy does: the best differ little."""

    name = "saturating"

    def score(self, genome: Genome) -> float:
        return float(-np.exp(-6 * super().score(genome)))


class Ordinal(Landscape):
    """Numeric options with one smooth, slanted peak somewhere between the ends."""

    name = "ordinal"

    def __init__(self, choices: int = 8, instance: int = 0, noise: float = 0.0) -> None:
        super().__init__(choices, range(1, 15, 2), instance, noise)
        slant = self.rng.standard_normal((choices, choices)) / np.sqrt(choices)
        self._slant = slant + np.eye(choices)
        self._peak = self.rng.uniform(0.15, 0.85, choices)

    def score(self, genome: Genome) -> float:
        return -float(np.linalg.norm(self._slant @ (np.array(genome) / 6 - self._peak)))


class Deceptive(Landscape):
    """Traps (Deb and Goldberg 1993): among three binary choices, what looks good leads away."""

    name = "deceptive"

    def __init__(self, traps: int = 6, instance: int = 0, noise: float = 0.0) -> None:
        super().__init__(3 * traps, ["off", "on"], instance, noise)
        self._order = self.rng.permutation(3 * traps)
        self._best = self.rng.integers(2, size=3 * traps)

    def score(self, genome: Genome) -> float:
        right = (np.array(genome) == self._best)[self._order].reshape(-1, 3).sum(axis=1)
        return float(np.where(right == 3, 1.0, 0.4 * (2 - right)).mean())


class Conditional(Landscape):
    """The choices and costs of glit_hl, 60 of which many are inactive, with made-up results."""

    name = "conditional"

    def __init__(self, instance: int = 0, noise: float = 0.0) -> None:
        super().__init__(0, [], instance, noise)
        self._glit = registry.load("space", "glit_hl")
        self.choices, self.target = self._glit.choices, self._glit.target
        sizes = [len(choice.options) for choice in self.choices]
        self._own = [self.rng.gamma(1.0) * self.rng.standard_normal(size) for size in sizes]
        pairs = [self.rng.choice(len(sizes), 2, replace=False).tolist() for _ in sizes]
        self._pairs = [(i, j, self.rng.standard_normal((sizes[i], sizes[j]))) for i, j in pairs]

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        costs: Mapping[Genome, Costs] | None = self._glit.slot_costs(slot, context)
        return costs

    def fixed_costs(self, context: Genome) -> Costs:
        costs: Costs = self._glit.fixed_costs(context)
        return costs

    def score(self, genome: Genome) -> float:
        active = self.active(genome)
        alone = sum(own[g] for own, g, on in zip(self._own, genome, active, strict=True) if on)
        together = sum(
            t[genome[i], genome[j]] for i, j, t in self._pairs if active[i] and active[j]
        )
        # Larger networks are better, all else equal: the budget matters.
        return float(alone + together) / 10 + 2 * float(np.log(self.costs(genome)["flops"] / 1e9))
