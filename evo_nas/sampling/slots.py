"""The budget table of one context: a space's slots, what each of their values costs, and what
later levels of a hierarchical search can still make of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from evo_nas.errors import BudgetError
from evo_nas.space.space import Genome, Space

from .distribution import Distribution
from .limits import Limit
from .tables import CompletionTable, Floats, SumTable, Table


class Completions:
    """What the levels after ``level`` of ``root`` can make of each slot, by the cost named."""

    def __init__(self, root: Space, level: int, cost: str = "flops") -> None:
        self.root = root
        self.level = level
        self.cost = cost
        self._costs = cache(self._find_costs)

    def costs(self, slot: str, full: Genome) -> frozenset[int]:
        """The costs that a slot of the root can end with, when ``full`` was decided so far."""
        genes = tuple(
            gene if self.root.choices[i].slot in (None, slot) else 0 for i, gene in enumerate(full)
        )
        return self._costs(slot, genes, self.level)

    def _find_costs(self, slot: str, full: Genome, level: int) -> frozenset[int]:
        later = [other for other in self.root.levels if other > level]
        if not later:
            context = tuple(full[i] for i in self.root.context)
            table = self.root.slot_costs(slot, context)
            assert table is not None
            value = tuple(self.root.canonical(full)[i] for i in self.root.slots[slot])
            return frozenset({table[value][self.cost]})
        stage = self.root.stage(later[0], full)
        if stage.context:
            raise BudgetError(f"space {self.root.name}: context choices must be of the first level")
        ends = [stage.lift(stage.place(slot, (), value)) for value in stage.slot_values(slot, ())]
        return frozenset().union(*(self._costs(slot, end, later[0]) for end in ends))


@dataclass(frozen=True)
class Slot:
    """A slot's values under a context: genes at ``positions``, and the costs each can end with."""

    positions: tuple[int, ...]
    values: NDArray[np.int64]  # (values, positions)
    active: NDArray[np.bool_]  # (values, positions)
    costs: tuple[tuple[int, ...], ...]  # from the lowest

    @classmethod
    def of(
        cls,
        space: Space,
        positions: Sequence[int],
        genomes: Sequence[Genome],
        costs: Sequence[tuple[int, ...]],
    ) -> Slot:
        """The values that the genomes have at these positions."""
        shape = (len(genomes), len(positions))
        values = [[genome[i] for i in positions] for genome in genomes]
        active = [[on[i] for i in positions] for on in map(space.active, genomes)]
        return cls(
            tuple(positions),
            np.array(values, dtype=np.int64).reshape(shape),
            np.array(active, dtype=bool).reshape(shape),
            tuple(costs),
        )

    @cached_property
    def index(self) -> dict[Genome, int]:
        """Where each value stands."""
        return {tuple(value): number for number, value in enumerate(self.values.tolist())}

    def weights(self, distribution: Distribution) -> Floats:
        """The probability of each value."""
        weights: Floats = np.ones(len(self.values))
        for column, position in enumerate(self.positions):
            vector = np.array(distribution.probabilities[position])
            weights *= np.where(self.active[:, column], vector[self.values[:, column]], 1.0)
        return weights


class ContextTable:
    """The table of one context."""

    def __init__(
        self, space: Space, limit: Limit, context: Genome, later: Completions | None
    ) -> None:
        self.genes = space.given(context)
        genome = space.fill(self.genes)
        self.own = Slot.of(space, space.context, [genome], [(0,)])  # of one value, to weigh it
        self.slots = [
            _slot(space, s, context, limit.metric, later)
            for s in (later.root if later else space).slots
        ]
        full = space.lift(genome)
        root_context = tuple(full[i] for i in space.root.context)
        fixed = space.root.fixed_costs(root_context) if later else space.fixed_costs(context)
        self.fixed = fixed[limit.metric]
        self.minimum = self.fixed + sum(min(map(min, slot.costs)) for slot in self.slots)
        self.maximum = self.fixed + sum(max(map(max, slot.costs)) for slot in self.slots)
        self.size = math.prod(float(len(slot.values)) for slot in self.slots)
        # No more than there is: a table of sets has a bit for each step up to the upper limit.
        low, high = limit.least - self.fixed, min(limit.most, self.maximum) - self.fixed
        self.table: Table
        if later is not None and limit.least > 0:
            self.table = CompletionTable([slot.costs for slot in self.slots], low, high)
        else:  # with an upper limit only, the cheapest completion decides
            self.table = SumTable(
                [np.array([costs[0] for costs in slot.costs]) for slot in self.slots], low, high
            )

    def admits(self, genome: Genome, limit: Limit) -> bool:
        """Whether a genome of this context meets the limit, or can be completed within it."""
        values = [slot.index[tuple(genome[i] for i in slot.positions)] for slot in self.slots]
        if isinstance(self.table, CompletionTable):
            return self.table.admits(values)
        least = (slot.costs[value][0] for slot, value in zip(self.slots, values, strict=True))
        return self.fixed + sum(least) in limit

    def weights(self, distribution: Distribution) -> list[Floats]:
        """The probability of each value of each slot."""
        return [slot.weights(distribution) for slot in self.slots]


def _slot(space: Space, name: str, context: Genome, cost: str, later: Completions | None) -> Slot:
    values = space.slot_values(name, context)
    genomes = [space.place(name, context, value) for value in values]
    if later is not None:
        costs = [tuple(sorted(later.costs(name, space.lift(genome)))) for genome in genomes]
    else:
        table = space.slot_costs(name, context)
        assert table is not None
        costs = [(table[value][cost],) for value in values]
    return Slot.of(space, space.slots.get(name, ()), genomes, costs)
