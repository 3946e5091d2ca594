"""Whether a network meets limits, and which of them it misses by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from evo_nas.space.space import Genome, Space

from .limits import Limit, describe_value


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit with the value of its metric for a full genome.

    ``measured`` values take time; others are looked up. One that cannot be measured is not a
    number, which meets no limit.
    """

    limit: Limit
    value: Callable[[Genome], float]
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What networks must stay within: ``costs`` are those of the space, ``bounds`` the rest."""

    costs: tuple[Limit, ...]
    bounds: tuple[Bound, ...] = ()

    def every(self) -> tuple[Limit, ...]:
        """All that limit anything."""
        costs = (limit for limit in self.costs if limit.bounded)
        return (*costs, *(bound.limit for bound in self.bounds))

    def quick(self) -> Limits:
        """Those for which nothing is measured."""
        return Limits(self.costs, tuple(b for b in self.bounds if not b.measured))

    def values(self, space: Space, full: Genome) -> dict[Limit, float]:
        """The value of a full genome of ``space`` that each limit concerns."""
        costs = space.costs(full)
        return {limit: costs[limit.metric] for limit in self.costs} | {
            bound.limit: bound.value(full) for bound in self.bounds
        }

    def verdicts(self, space: Space, full: Genome) -> dict[str, bool]:
        """Whether each limit is met, by its text."""
        return {str(limit): value in limit for limit, value in self.values(space, full).items()}


@dataclass(frozen=True, slots=True)
class Quota:
    """Of ``drawn`` genomes, how many met each limit ``alone``, by its text, and ``every`` one."""

    drawn: int
    alone: Mapping[str, int]
    every: int

    @property
    def share(self) -> float:
        """The estimated share that meets every limit; never 0, which would be a certainty."""
        return max(self.every, 0.5) / self.drawn


def estimate(
    draw: Callable[[np.random.Generator], Genome],
    verdicts: Callable[[Genome], Mapping[str, bool]],
    count: int,
) -> Quota:
    """What ``count`` genomes say, always the same ones: a search may go by what is estimated."""
    rng, alone, every = np.random.default_rng(0), Counter[str](), 0
    for _ in range(count):
        met = verdicts(draw(rng))
        alone.update(name for name, meets in met.items() if meets)
        every += all(met.values())
    return Quota(count, alone, every)


class Checks:
    """Checks of genomes of ``space``, with a tally of what each limit rejected.

    A limit rejects only what those before it admit; measured ones come last.
    """

    def __init__(self, space: Space, limits: Limits) -> None:
        self.space, self.limits = space, limits
        self._known = limits.quick().bounds
        self._measured = [bound for bound in limits.bounds if bound.measured]
        self.measures = bool(self._measured)
        self.looked_at = 0
        self.measured = 0  # how many networks
        self.rejected: Counter[str] = Counter()
        self.nearest: dict[str, float] = {}

    def passes(self, genome: Genome) -> bool:
        """Whether all limits are met."""
        return self.quick(genome) and (not self.measures or self.measure(genome))

    def quick(self, genome: Genome) -> bool:
        """Whether all limits are met for which nothing has to be measured."""
        self.looked_at += 1
        if self.limits.costs:
            costs = self.space.costs(genome)
            for limit in self.limits.costs:
                if costs[limit.metric] not in limit:
                    return self.reject(limit, costs[limit.metric])
        return self._meets(self._known, genome)

    def measure(self, genome: Genome) -> bool:
        """Whether the measured limits are met."""
        self.measured += 1
        return self._meets(self._measured, genome)

    def _meets(self, bounds: Sequence[Bound], genome: Genome) -> bool:
        for bound in bounds:
            value = bound.value(self.space.lift(genome))
            if value not in bound.limit:
                return self.reject(bound.limit, value)
        return True

    def verdicts(self, genome: Genome) -> dict[str, bool]:
        """Whether each limit is met, by its text; none is counted."""
        return self.limits.verdicts(self.space.root, self.space.lift(genome))

    def reject(self, limit: Limit, value: float) -> bool:
        """Write down that a limit rejects a network with this value; False."""
        name = str(limit)
        self.rejected[name] += 1
        known = self.nearest.get(name)
        if known is None or isnan(known) or limit.miss(value) < limit.miss(known):
            self.nearest[name] = value
        return False

    def account(self) -> str:
        """What each limit rejected so far, in words."""
        told = []
        for limit in self.limits.every():
            if count := self.rejected[str(limit)]:
                nearest = self.nearest[str(limit)]
                which = f"the nearest has {describe_value(limit.metric, nearest)}"
                if isnan(nearest):
                    which = "none of which could be measured"
                told.append(f"{limit} rejected {count:,}, {which}")
        return "; ".join(told)
