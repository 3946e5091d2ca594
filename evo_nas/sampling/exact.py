"""Feasibility where costs add up over slots: exact, by dynamic programming (:mod:`.tables`).

While later levels of a hierarchical search are still open, a genome is legal if they can complete
it within the budget: its slots then have sets of costs instead of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, reduce
from heapq import heapify, heappop, heappush

import numpy as np

from evo_nas.errors import NotDrawn
from evo_nas.space.space import Genome, Space

from .base import Feasible, Worth, merges
from .distribution import Distribution
from .limits import Limit
from .slots import Completions, ContextTable
from .tables import Floats, reachable_sums

_MOST_ENUMERATED = 1_000_000
_MOST_REJECTED = 10_000
_MOST_FOLLOWED = 100_000  # beginnings of genomes, until the best of a sum are given up
_MOST_BITS = 1 << 22


class ExactFeasible(Feasible):
    """Feasibility by dynamic programming; see the module's docstring.

    Where different genomes are one network (:func:`merges`), ``size`` and ``count`` are unknown;
    the rest is exact.
    """

    def __init__(self, space: Space, limit: Limit, later: Completions | None) -> None:
        super().__init__(space, limit)
        self.level = later.level if later else None
        self._contexts = [ContextTable(space, limit, context, later) for context in space.contexts]
        self._by_genes = {tuple(c.genes.values()): c for c in self._contexts}
        # A draw asks for the masses of all contexts first: keep the last two distributions' layers.
        self._layers = lru_cache(maxsize=2 * len(self._contexts))(self._weigh)
        self.minimum = min(c.minimum for c in self._contexts)
        self.maximum = max(c.maximum for c in self._contexts)
        if not merges(space):
            self.size = sum(c.size for c in self._contexts)
            self.count = sum(c.table.mass(c.table.counts) for c in self._contexts)
        self.share = sum(self._masses(self.prior))

    def legal(self, genome: Genome) -> bool:
        context = self._by_genes[tuple(genome[i] for i in self.space.context)]
        return context.admits(genome, self.limit)

    def draw(self, distribution: Distribution, rng: np.random.Generator) -> Genome:
        return self._draw(self._masses(distribution), lambda i: self._layers(distribution, i), rng)

    def draw_uniform(self, rng: np.random.Generator) -> Genome:
        tables = [context.table for context in self._contexts]
        masses = [table.mass(table.counts) for table in tables]
        return self._draw(masses, lambda i: (tables[i].counts, tables[i].ones), rng)

    def draw_largest(self, rng: np.random.Generator) -> Genome:
        above = replace(self.limit, low=self.limit.most + 1)
        highest = [cost for c in self._contexts for cost in _neighbours(c, above)[0]]
        if not highest or not all(context.table.exact for context in self._contexts):
            return super().draw_largest(rng)
        exactly = replace(self.limit, low=max(highest), high=max(highest))
        return ExactFeasible(self.space, exactly, None).draw(self.prior, rng)

    def best(self, worth: Worth) -> Genome:
        with suppress(NotDrawn, StopIteration):
            return next(self.descending(worth))
        return super().best(worth)

    def descending(self, worth: Worth) -> Iterator[Genome]:
        """All legal canonical genomes, those that are worth most first, one by one as asked.

        By the table it is known what each beginning of a genome can still become, and the most
        promising one is followed first (A*; Hart, Nilsson and Raphael 1968). So the order is exact,
        whatever a rounded table lets through and however genomes merge.

        Raises:
            NotDrawn: too many beginnings were followed.
        """
        tables = []
        begun: list[tuple[float, int, Genome, int, float]] = []
        for number, context in enumerate(self._contexts):
            own, worths = self._worths(context, worth)
            layers = context.table.highest(worths)
            tables.append((context, worths, layers))
            begun.append((-own - layers[0][0], 0, (number,), 0, own))
        heapify(begun)
        for _ in range(_MOST_FOLLOWED):
            if not begun or begun[0][0] == np.inf:
                return
            _, _, beginning, state, reached = heappop(begun)
            context, worths, layers = tables[beginning[0]]
            slot = len(beginning) - 1
            if slot == len(worths):
                genome = self._assemble(context, beginning[1:])
                if self.space.canonical(genome) == genome and self.legal(genome):
                    yield genome
                continue
            following = context.table.next_states(slot, state)[context.table.classes[slot]]
            sums = reached + worths[slot]
            most = sums + layers[slot + 1][following]
            for value in np.flatnonzero(most > -np.inf).tolist():
                # Of equal ones the longer first, then the first: ties are never luck.
                longer, after = (*beginning, value), int(following[value])
                heappush(begun, (-most[value], -slot, longer, after, sums[value]))
        raise NotDrawn(
            f"the best of a sum over {self.space.name} within {self.limit.amount} was not found "
            f"among {_MOST_FOLLOWED:,} beginnings of genomes"
        )

    def _worths(self, context: ContextTable, worth: Worth) -> tuple[float, list[Floats]]:
        """What the genome of every slot's first value is worth, and how much more others are."""
        first = [0] * len(context.slots)
        own, more = worth(self._assemble(context, first)), []
        for i, slot in enumerate(context.slots):
            values = ([*first[:i], value, *first[i + 1 :]] for value in range(len(slot.values)))
            more.append(np.array([worth(self._assemble(context, v)) - own for v in values]))
        return own, more

    def _draw(
        self,
        masses: list[float],
        layers_and_weights: Callable[[int], tuple[list[Floats], list[Floats]]],
        rng: np.random.Generator,
    ) -> Genome:
        total = sum(masses)
        for _ in range(_MOST_REJECTED if total > 0 else 0):
            chosen = int(rng.choice(len(masses), p=np.array(masses) / total))
            context = self._contexts[chosen]
            layers, weights = layers_and_weights(chosen)
            values = context.table.draw(layers, weights, rng)
            genome = self.space.canonical(self._assemble(context, values))
            if context.table.exact or self.legal(genome):
                return genome
        raise NotDrawn(
            f"no genome of {self.space.name} within {self.limit.amount} was found; widen the budget"
        )

    def enumerate(self) -> tuple[Genome, ...] | None:
        if self.count is None or self.count > _MOST_ENUMERATED:
            return None
        found = {
            self.space.canonical(self._assemble(context, values))
            for context in self._contexts
            for values in context.table.enumerate().tolist()
        }
        return tuple(sorted(genome for genome in found if self.legal(genome)))

    def _assemble(self, context: ContextTable, values: Sequence[int]) -> Genome:
        """The genome with these values of the slots, by index."""
        genes = dict(context.genes)
        for slot, value in zip(context.slots, values, strict=True):
            genes.update(zip(slot.positions, slot.values[value].tolist(), strict=True))
        return self.space.fill(genes)

    def _masses(self, distribution: Distribution) -> list[float]:
        return [
            float(context.own.weights(distribution)[0])
            * context.table.mass(self._layers(distribution, i)[0])
            for i, context in enumerate(self._contexts)
        ]

    def _weigh(self, distribution: Distribution, i: int) -> tuple[list[Floats], list[Floats]]:
        weights = self._contexts[i].weights(distribution)
        return self._contexts[i].table.backward(weights), weights

    def nearest(self) -> list[int]:
        pairs = [_neighbours(context, self.limit) for context in self._contexts]
        below = sorted(cost for low, _ in pairs for cost in low)
        above = sorted(cost for _, high in pairs for cost in high)
        return below[-1:] + above[:1]


def _neighbours(context: ContextTable, limit: Limit) -> tuple[list[int], list[int]]:
    """The reachable cost nearest below the budget, and the one nearest above, as lists."""
    sums = [sorted({c for costs in slot.costs for c in costs}) for slot in context.slots]
    unit = reduce(math.gcd, (c - s[0] for s in sums for c in s)) or 1
    steps = (context.maximum - context.minimum) // unit
    if steps > _MOST_BITS:
        return (
            [context.maximum] if context.maximum < limit.least else [],
            [context.minimum] if context.minimum > limit.most else [],
        )
    bits = reachable_sums([[(c - s[0]) // unit for c in s] for s in sums], steps)
    low = min(max(-(-(limit.least - context.minimum) // unit), 0), steps + 1)
    high = min(max((limit.most - context.minimum) // unit + 1, 0), steps + 1)
    under = bits & ((1 << low) - 1)
    over = bits >> high << high
    below = [context.minimum + unit * (under.bit_length() - 1)] if under else []
    above = [context.minimum + unit * ((over & -over).bit_length() - 1)] if over else []
    return below, above
