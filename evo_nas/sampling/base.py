"""Feasibility: which genomes meet a budget, how many they are, and drawing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from evo_nas.errors import BudgetError, NotDrawn
from evo_nas.space.choices import Choices
from evo_nas.space.space import Genome, Space

from .checks import Limits, Quota
from .distribution import Distribution, prior
from .limits import Limit, format_amount

DRAWN_FOR_BEST = 1000
_MOST_REJECTED = 10_000
Worth: TypeAlias = Callable[[Genome], float]


class Feasible:
    """The genomes of ``space`` within ``limit``, which is one on a cost.

    This class knows nothing but to look at genomes, one by one; its subclasses do.

    ``count`` is their number, ``size`` that of all canonical genomes, ``share`` their mass under
    the prior; the reachable costs run from ``minimum`` to ``maximum``. Each is None where it
    cannot be known. Counts are exact below 2**53 and correct to 15 digits above.
    """

    size: float | None = None
    count: float | None = None
    share: float | None = None
    minimum: int | None = None
    maximum: int | None = None
    quota: Quota | None = None  # of the draws from which share and count are estimated
    known: Genome | None = None  # a legal genome, where draws may end without one
    level: int | None = None  # the levels after it are open

    def __init__(self, space: Space, limit: Limit) -> None:
        self.space, self.limit, self.prior = space, limit, prior(space)
        self.limits = Limits((limit,))

    @property
    def exact(self) -> tuple[Feasible, ...]:
        """Each limit on a cost alone, met exactly."""
        return (self,)

    def quick(self) -> Feasible:
        """The same within the limits for which nothing has to be measured; its tally is its own."""
        return self

    @property
    def tally(self) -> dict[str, int]:
        """How many genomes within the exact limit were looked at, and rejected by each other."""
        return {}

    def legal(self, genome: Genome) -> bool:
        """Whether this canonical genome meets the budget, or can be completed within it."""
        return self.cost(genome) in self.limit

    def draw(self, distribution: Distribution, rng: np.random.Generator) -> Genome:
        """One canonical genome from the distribution conditioned on legality.

        Raises:
            NotDrawn: the distribution draws no legal genome, or none was found.
        """
        for _ in range(_MOST_REJECTED):
            genome = distribution.draw(self.space, rng)
            if self.legal(genome):
                return genome
        raise NotDrawn(
            f"none of {_MOST_REJECTED:,} genomes drawn from {self.space.name} met "
            f"{self.limit.amount}; widen the budget, or give the space slot_costs so that it can "
            "be met exactly"
        )

    def cost(self, genome: Genome) -> int:
        """What a genome costs, of the kind that is limited."""
        return self.space.costs(genome)[self.limit.metric]

    def draw_uniform(self, rng: np.random.Generator) -> Genome:
        """One legal genome, all equally likely where they can be counted, else from the prior."""
        return self.draw(self.prior, rng)

    def draw_largest(self, rng: np.random.Generator) -> Genome:
        """One of the legal genomes with the highest cost; the best of 1,000 draws where these
        are not known.
        """
        drawn = [self.draw(self.prior, rng) for _ in range(DRAWN_FOR_BEST)]
        return max(drawn, key=self.cost)

    def best(self, worth: Worth) -> Genome:
        """The legal genome that is worth most, always the same one.

        Exact in spaces that are listed, and where costs and worth add up over slots, as far as
        :meth:`descending` leads; else the best of 1,000 draws.
        """
        rng = np.random.default_rng(0)
        return max((self.draw(self.prior, rng) for _ in range(DRAWN_FOR_BEST)), key=worth)

    def descending(self, worth: Worth) -> Iterator[Genome]:
        """All legal canonical genomes, those that are worth most first, one by one as asked.

        The worth is a sum over slots, given the context choices.

        Raises:
            NotDrawn: the order is not known, as costs do not add up, or is too long to follow.
        """
        raise NotDrawn(f"costs of {self.space.name} do not add up over slots")

    def enumerate(self) -> tuple[Genome, ...] | None:
        """All legal canonical genomes in order; None if there are over a million, or unknown."""
        return None

    def nearest(self) -> list[int]:
        """The reachable costs nearest to the budget: below it, above it, where there are such."""
        return []

    def require(self) -> None:
        """Raise a BudgetError with the nearest reachable costs if it is certain that none fits."""
        if self.minimum is None or self.maximum is None or self.share is None or self.share > 0:
            return
        nearest = " and ".join(format_amount(cost, 8) for cost in self.nearest())
        raise BudgetError(
            f"no network of {self.space.name} meets {self.limit.amount}; the nearest "
            f"reachable is {nearest}; it reaches {format_amount(self.minimum)} to "
            f"{format_amount(self.maximum)}"
        )


def merges(space: Space) -> bool:
    """Whether different genomes of a space may be one network, all their choices being active."""
    return type(space.root).canonical is not Choices.canonical
