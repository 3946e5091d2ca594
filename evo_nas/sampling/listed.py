"""Feasibility of spaces small enough to list: exact, whatever their costs and canonical genomes.

Why: docs/decisions/008-listed-spaces.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evo_nas.errors import BudgetError, NotDrawn
from evo_nas.space.space import Genome, Space

from .base import Feasible, Worth
from .checks import Checks, Limits
from .distribution import Distribution
from .limits import Limit
from .tables import Floats, Integers, pick

_MOST_LISTED = 1 << 17  # genomes: about a second, and 20 MB


@dataclass(frozen=True)
class Listing:
    """All genomes that a distribution can draw, before those of one network are merged.

    ``genes`` and ``active`` are (choices, genomes); ``networks`` are the canonical genomes in
    order, ``costs`` (networks,) their costs of the kind asked for, and ``which`` (genomes,) says
    which each genome is.
    """

    genes: Integers
    active: NDArray[np.bool_]
    which: Integers
    networks: tuple[Genome, ...]
    costs: Integers

    @classmethod
    def of(cls, space: Space, cost: str = "flops") -> Listing | None:
        """The listing of a space; None if it has too many genomes."""
        found = _all_genes(space)
        if found is None:
            return None
        genes, active = found
        canonical = [space.canonical(tuple(genome)) for genome in genes.T.tolist()]
        networks = tuple(sorted(set(canonical)))
        index = {genome: position for position, genome in enumerate(networks)}
        which = np.array([index[genome] for genome in canonical], dtype=np.int64)
        costs = np.array([space.costs(genome)[cost] for genome in networks], dtype=np.int64)
        return cls(genes, active, which, networks, costs)

    def take(self, rows: Integers) -> Listing:
        """Some of the genomes."""
        genes = np.ascontiguousarray(self.genes[:, rows])
        active = np.ascontiguousarray(self.active[:, rows])
        return replace(self, genes=genes, active=active, which=self.which[rows])

    def weights(self, distribution: Distribution) -> Floats:
        """The probability of each genome, (genomes,)."""
        weights: Floats = np.ones(len(self.which))
        columns = zip(distribution.probabilities, self.genes, self.active, strict=True)
        for vector, genes, active in columns:
            weights *= np.where(active, np.take(vector, genes), 1.0)
        return weights


def _all_genes(space: Space) -> tuple[Integers, NDArray[np.bool_]] | None:
    """Genes and activity (choices, genomes), choice by choice; inactive choices hold 0."""
    genes: Integers = np.zeros((0, 1), dtype=np.int64)
    active: NDArray[np.bool_] = np.ones((0, 1), dtype=bool)
    for choice, conditions in zip(space.choices, space.conditions, strict=True):
        on = np.ones(genes.shape[1], dtype=bool)
        for parent, allowed in conditions:
            on &= active[parent] & np.isin(genes[parent], list(allowed))
        counts = np.where(on, len(choice.options), 1)
        if counts.sum() > _MOST_LISTED:
            return None
        rows = np.repeat(np.arange(len(on)), counts)
        own = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        genes = np.vstack([genes[:, rows], own])
        active = np.vstack([active[:, rows], on[rows]])
    return genes, active


class ListedFeasible(Feasible):
    """Feasibility by looking at every genome; genomes of one network count once.

    What meets the budget must meet ``others``, too.
    """

    def __init__(
        self, space: Space, limit: Limit, listing: Listing, others: Limits | None = None
    ) -> None:
        super().__init__(space, limit)
        self._costs = listing.costs
        fits = (listing.costs >= limit.least) & (listing.costs <= limit.most)
        others = others or Limits(())
        self.limits = Limits((limit, *others.costs), others.bounds)
        self._checks = Checks(space, others)
        for row in np.flatnonzero(fits):
            fits[row] = self._checks.quick(listing.networks[row])
        self._legal = tuple(listing.networks[i] for i in np.flatnonzero(fits))
        self._is_legal = frozenset(self._legal)
        self._genomes = listing.take(np.flatnonzero(fits[listing.which]))
        self._prior_weights = self._genomes.weights(self.prior)
        self.size, self.count = float(len(listing.networks)), float(len(self._legal))
        self.share = float(self._prior_weights.sum())
        self.minimum, self.maximum = int(listing.costs.min()), int(listing.costs.max())

    def require(self) -> None:
        if self._checks.looked_at and not self._legal:
            raise BudgetError(
                f"no network of {self.space.name} meets {self.limit.amount} and the "
                f"other limits: {self._checks.account()}; widen a limit"
            )
        super().require()

    def nearest(self) -> list[int]:
        costs = sorted(self._costs.tolist())
        below = [cost for cost in costs if cost < self.limit.least]
        above = [cost for cost in costs if cost > self.limit.most]
        return below[-1:] + above[:1]

    def legal(self, genome: Genome) -> bool:
        return genome in self._is_legal

    def draw(self, distribution: Distribution, rng: np.random.Generator) -> Genome:
        known = distribution is self.prior
        weights = self._prior_weights if known else self._genomes.weights(distribution)
        if not weights.any():
            raise NotDrawn(
                f"no genome of {self.space.name} within {self.limit.amount} can be "
                "drawn; widen the budget"
            )
        return self._genomes.networks[self._genomes.which[pick(weights, rng)]]

    def draw_uniform(self, rng: np.random.Generator) -> Genome:
        return self._legal[rng.integers(len(self._legal))]

    def draw_largest(self, rng: np.random.Generator) -> Genome:
        costs = self._genomes.costs[self._genomes.which]
        weights = np.where(costs == costs.max(), self._prior_weights, 0.0)
        return self._genomes.networks[self._genomes.which[pick(weights, rng)]]

    def best(self, worth: Worth) -> Genome:
        return max(self._legal, key=worth)

    def descending(self, worth: Worth) -> Iterator[Genome]:
        yield from sorted(self._legal, key=worth, reverse=True)

    def enumerate(self) -> tuple[Genome, ...]:
        return self._legal
