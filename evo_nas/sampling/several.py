"""Several limits at once: one met exactly, further ones by bounded rejection on top.

Why: docs/decisions/005-several-limits.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from evo_nas.errors import BudgetError, NotDrawn
from evo_nas.space.space import Genome, Space

from .base import Feasible
from .checks import Checks, Limits, estimate
from .completion import Completer, exact_feasibles, first_legal, generator
from .distribution import Distribution
from .exclusion import contradiction
from .feasible import adds_up, feasible
from .limits import Limit
from .listed import ListedFeasible, Listing
from .slots import Completions

_MOST_REJECTED = 5_000  # draws until one is given up
_MOST_COSTLY = 500  # of these, that are measured
_MOST_UNMET = 64  # networks measured until it is given up that any meets all limits
_CONFIDENCE = 0.99
_MOST_COMPLETED = 100  # or completed
_ESTIMATED = 1000  # draws from which shares are estimated
_ESTIMATED_COSTLY = 100
_MOST_ENUMERATED = 20_000
_DRAWN_FOR_LARGEST = 1000
_TOGETHER = "no completion within all limits"


def feasible_within(space: Space, limits: Limits, level: int | None = None) -> Feasible:
    """Decide feasibility within all limits; the levels after ``level``, if given, are open.

    Small spaces are listed, and exact. In others the limit on a cost with the smallest share of
    the prior is met exactly, and what it admits is drawn until the others are met.
    """
    limits = Limits(limits.costs or (Limit("flops"),), limits.bounds)
    if not adds_up(space.root):
        level = None  # nobody knows what later levels can make of it: its own costs decide
    if len(limits.costs) == 1 and not limits.bounds:
        (limit,) = limits.costs
        later = None if level is None else Completions(space.root, level, limit.metric)
        return feasible(space, limit, later)
    if level is None and (listed := _listed(space, limits.quick())):
        measured = tuple(bound for bound in limits.bounds if bound.measured)
        return LimitedFeasible((listed,), Limits((), measured), None) if measured else listed
    return LimitedFeasible(exact_feasibles(space.root, limits, space, level), limits, level)


def _listed(space: Space, limits: Limits) -> Feasible | None:
    first, *others = limits.costs
    listing = Listing.of(space, first.metric)
    if listing is None:
        return None
    return ListedFeasible(space, first, listing, Checks(space.root, others, limits.bounds))


class LimitedFeasible(Feasible):
    """What the first of ``exact`` admits, and all other limits too.

    ``exact`` are the limits on costs, each alone. ``share`` and ``count`` are estimated from draws
    (``estimated``), without what has to be measured; ``count`` is unknown while levels are open.
    """

    def __init__(self, exact: tuple[Feasible, ...], limits: Limits, level: int | None) -> None:
        self.base, *self.others = exact
        self._exact, self.limits, self.level = exact, limits, level
        self.space, self.limit, self.prior = self.base.space, self.base.limit, self.base.prior
        self.size, self.minimum, self.maximum = (
            self.base.size, self.base.minimum, self.base.maximum,
        )  # fmt: skip
        self._further = [other.limit for other in self.others]
        self.checks = Checks(self.space.root, self._further, limits.bounds)
        self._completer = None if level is None else Completer(self.space.root, limits, level)
        self._costly = self._completer is not None or self.checks.measures
        whole = self.space if level is None else self.space.root
        self._contradiction = contradiction(whole, limits.costs) if adds_up(whole) else None
        self._estimate()

    @property
    def exact(self) -> tuple[Feasible, ...]:
        """Each limit on a cost alone, met exactly, the tightest first."""
        return self._exact

    # -- what is legal ---------------------------------------------------------------------------

    def legal(self, genome: Genome) -> bool:
        """Whether this canonical genome meets all limits, or a completion of it was found."""
        return self.base.legal(genome) and self._passes(genome)

    def _passes(self, genome: Genome) -> bool:
        return self._passes_quickly(genome) and self._passes_at_length(genome)

    def _passes_quickly(self, genome: Genome) -> bool:
        """Check, of what the base admits, all that takes next to no time."""
        if self._completer is None:
            return self.checks.quick(self.space.lift(genome))
        self.checks.looked_at += 1
        return all(
            other.legal(genome) or self.checks.reject(other.limit, other.cost(genome))
            for other in self.others
        )

    def _passes_at_length(self, genome: Genome) -> bool:
        if self._completer is None:
            return self.checks.measure(self.space.lift(genome))
        completed = self._completer.complete(self.space.lift(genome)) is not None
        self.checks.rejected[_TOGETHER] += not completed
        return completed

    @property
    def tally(self) -> dict[str, int]:
        """How many genomes within the exact limit were looked at, and rejected by each other."""
        return {"looked at": self.checks.looked_at, **self.checks.rejected}

    # -- drawing ---------------------------------------------------------------------------------

    def draw(self, distribution: Distribution, rng: np.random.Generator) -> Genome:
        """One canonical genome from the distribution conditioned on legality.

        Raises:
            NotDrawn: none of 5,000 draws was legal, or of 500 measured, or of 100 completed ones.
        """
        return self._first(lambda: self.base.draw(distribution, rng))

    def draw_uniform(self, rng: np.random.Generator) -> Genome:
        """One legal genome, all equally likely where the base's are."""
        return self._first(lambda: self.base.draw_uniform(rng))

    def draw_largest(self, rng: np.random.Generator) -> Genome:
        """The legal one with the highest cost of those that the base admits and 1,000 draws."""
        drawn = [self.base.draw(self.prior, rng) for _ in range(_DRAWN_FOR_LARGEST)]
        ordered = iter(sorted(dict.fromkeys(drawn), key=self.cost, reverse=True))
        largest = self.base.draw_largest(rng)
        return self._first(lambda: next(ordered, largest), largest)

    def _first(self, draw: Callable[[], Genome], first: Genome | None = None) -> Genome:
        at_length = _MOST_COSTLY if self._completer is None else _MOST_COMPLETED
        for number in range(_MOST_REJECTED):
            genome = first if first is not None and number == 0 else draw()
            if not self._passes_quickly(genome):
                continue
            if self._costly:
                at_length -= 1
                if at_length < 0:
                    break
                if not self._passes_at_length(genome):
                    continue
            return genome
        raise NotDrawn(self._none_found())

    def _none_found(self) -> str:
        account, measured = self.checks.account(), self.checks.measured
        if self._completer is not None and not measured:
            account = account or self._completer.checks.account()
        return (
            f"no network of {self.space.name} was found that meets all of "
            f"{', '.join(map(str, self.limits.every()))}: of {self.checks.looked_at:,} drawn, "
            f"{account or 'none could be completed'}{_what_is_likely(measured)}; widen a limit"
        )

    # -- what is known before --------------------------------------------------------------------

    def require(self) -> None:
        """Find a legal genome, ``known``.

        Raises:
            BudgetError: a limit alone admits nothing, or no genome that meets all was found.
        """
        for alone in self.exact:
            alone.require()
        if self._contradiction is not None:
            limits = ", ".join(map(str, self.limits.every()))
            raise BudgetError(
                f"no network of {self.space.name} meets all of {limits}: "
                f"{self._contradiction}; widen a limit"
            )
        if self._completer is None:
            self.known = self._require_one(self.space, lambda: self.base)
            return
        if self.checks.measures:  # completing many genomes in vain would measure many more
            root, every = self.space.root, self.limits
            self._require_one(root, cache(lambda: exact_feasibles(root, every, root, None)[0]))
        rng = generator(self.space)
        self.known = self._first(lambda: self.base.draw(self.prior, rng))

    def _require_one(self, space: Space, tightest: Callable[[], Feasible]) -> Genome:
        """A genome of ``space`` that meets all limits.

        Raises:
            BudgetError: none was found, or of a small space there is none.
        """
        checks = Checks(space.root, [f.limit for f in self.exact], self.limits.bounds)
        found = first_legal(space, tightest, checks, _MOST_REJECTED, _MOST_UNMET, _MOST_COSTLY)
        if found is None:
            self.checks = checks
            raise BudgetError(self._none_found())
        return found

    def _estimate(self) -> None:
        """The share and the count, as far as nothing has to be measured."""
        self.share, self.count = self.base.share, self.base.count
        if self._contradiction or any(alone.share == 0 for alone in self.exact):
            self.share = self.count = 0.0
            return
        quick = self.limits.quick()
        if not (self._completer or self.others or quick.bounds):
            return
        self.estimated, root = True, self.space.root
        draws = _ESTIMATED
        if self._completer is None:
            checks = Checks(root, self._further, quick.bounds)

            def verdicts(genome: Genome) -> dict[str, bool]:
                return checks.verdicts(self.space.lift(genome))

            if self.count is not None:
                self.count *= estimate(self.base.draw_uniform, verdicts, draws).share
        else:
            draws, self.count = _ESTIMATED_COSTLY, None
            completer = Completer(root, quick, self._completer.level)

            def verdicts(genome: Genome) -> dict[str, bool]:
                alone = {str(other.limit): other.legal(genome) for other in self.others}
                return alone | {_TOGETHER: completer.complete(self.space.lift(genome)) is not None}

        self.quota = estimate(lambda rng: self.base.draw(self.prior, rng), verdicts, draws)
        if self.share is not None:
            self.share *= self.quota.share

    def enumerate(self) -> tuple[Genome, ...] | None:
        """All legal canonical genomes in order, where they are few enough to look at each."""
        most = _MOST_COSTLY if self._costly else _MOST_ENUMERATED
        if self.base.count is None or self.base.count > most:
            return None
        return tuple(genome for genome in self.base.enumerate() or () if self._passes(genome))

    def nearest(self) -> list[int]:
        """The base's nearest reachable costs."""
        return self.base.nearest()


def _what_is_likely(measured: int) -> str:
    """What follows from none of the networks measured meeting all limits, where that is telling.

    Each of n independent draws misses a share p of them with 1 - p, all of them with (1 - p) ** n.
    """
    if measured != _MOST_UNMET:
        return ""
    share = 1 - (1 - _CONFIDENCE) ** (1 / measured)
    return (
        f"; if {share:.0%} of networks met all, these {measured} would have shown one with a "
        f"probability of {_CONFIDENCE:.0%}"
    )
