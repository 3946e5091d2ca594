"""Several limits at once: one met exactly, further ones by bounded rejection on top.

Why: docs/decisions/005-several-limits.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import chain, repeat

import numpy as np

from evo_nas.errors import BudgetError, NotDrawn
from evo_nas.space.space import Genome, Space

from .base import DRAWN_FOR_BEST, Feasible, Worth
from .checks import Checks, Limits, estimate
from .completion import OpenChecks, exact_feasibles, first_legal, generator
from .distribution import Distribution
from .exclusion import contradiction
from .feasible import adds_up, feasible
from .limits import Limit
from .listed import ListedFeasible, Listing

_MOST_REJECTED = 5_000  # draws until one is given up
_MOST_COSTLY = 500  # of these, that are measured
_MOST_UNMET = 64  # networks measured until it is given up that any meets all limits
_CONFIDENCE = 0.99
_MOST_COMPLETED = 100  # or completed
_ESTIMATED = 1000  # draws from which shares are estimated
_ESTIMATED_COSTLY = 100
_MOST_ENUMERATED = 20_000


def feasible_within(space: Space, limits: Limits, level: int | None = None) -> Feasible:
    """Decide feasibility within all limits; the levels after ``level``, if given, are open.

    Small spaces are listed, and exact. In others the limit on a cost with the smallest share of
    the prior is met exactly, and what it admits is drawn until the others are met.
    """
    limits = Limits(limits.costs or (Limit("flops"),), limits.bounds)
    first, *others = limits.costs
    if not adds_up(space.root):
        level = None  # nobody knows what later levels can make of it: its own costs decide
    if not others and not limits.bounds:
        return feasible(space, first, level)
    if level is None and (listing := Listing.of(space, first.metric)):
        measured = tuple(bound for bound in limits.bounds if bound.measured)
        known = Limits(tuple(others), limits.quick().bounds)
        listed = ListedFeasible(space, first, listing, known)
        return LimitedFeasible((listed,), Limits((), measured), None) if measured else listed
    return LimitedFeasible(exact_feasibles(space, limits, level), limits, level)


class LimitedFeasible(Feasible):
    """What the first of ``exact`` admits, and all other limits too.

    ``exact`` are the limits on costs, each alone. ``share`` and ``count`` are estimated from draws
    (``quota``), without what has to be measured; ``count`` is unknown while levels are open.
    """

    def __init__(self, exact: tuple[Feasible, ...], limits: Limits, level: int | None) -> None:
        self.base, *self._others = exact
        base = self.base
        super().__init__(base.space, base.limit)
        self._exact, self.limits, self.level = exact, limits, level
        self.prior = base.prior
        self.size, self.minimum, self.maximum = base.size, base.minimum, base.maximum
        self.checks = self._make_checks(limits)
        whole = self.space if level is None else self.space.root
        self._contradiction = contradiction(whole, limits.costs) if adds_up(whole) else None
        self._estimate()

    def _make_checks(self, limits: Limits) -> Checks:
        """Checks of what the base admits."""
        if self.level is not None:
            return OpenChecks(self.space, limits, self.level, self._others)
        return Checks(
            self.space, Limits(tuple(other.limit for other in self._others), limits.bounds)
        )

    @property
    def exact(self) -> tuple[Feasible, ...]:
        return self._exact

    @property
    def tally(self) -> dict[str, int]:
        return {"looked at": self.checks.looked_at, **self.checks.rejected}

    def quick(self) -> Feasible:
        limits = self.limits.quick()
        if not self._others and not limits.bounds:
            return self.base
        found = LimitedFeasible(self._exact, limits, self.level)
        found.known = self.known
        return found

    def legal(self, genome: Genome) -> bool:
        return self.base.legal(genome) and self.checks.passes(genome)

    # -- drawing ---------------------------------------------------------------------------------

    def draw(self, distribution: Distribution, rng: np.random.Generator) -> Genome:
        """One canonical genome from the distribution conditioned on legality.

        Raises:
            NotDrawn: none of 5,000 draws was legal, or of 500 measured, or of 100 completed ones.
        """
        return self._first(lambda: self.base.draw(distribution, rng))

    def draw_uniform(self, rng: np.random.Generator) -> Genome:
        return self._first(lambda: self.base.draw_uniform(rng))

    def draw_largest(self, rng: np.random.Generator) -> Genome:
        """The legal one with the highest cost of those that the base admits and 1,000 draws."""
        drawn = [self.base.draw(self.prior, rng) for _ in range(DRAWN_FOR_BEST)]
        ordered = sorted(dict.fromkeys(drawn), key=self.cost, reverse=True)
        largest = self.base.draw_largest(rng)
        return self._first(chain([largest], ordered, repeat(largest)).__next__)

    def best(self, worth: Worth) -> Genome:
        """The legal one that is worth most, if it is found; else of 1,000 draws, or a known one."""
        with suppress(NotDrawn, StopIteration):
            return next(self.descending(worth))
        with suppress(NotDrawn):
            return super().best(worth)
        if self.known is None:
            raise NotDrawn(self._none_found())
        return self.known

    def descending(self, worth: Worth) -> Iterator[Genome]:
        """Of what the base admits, in that order, those that meet the other limits too."""
        ordered = self.base.descending(worth)
        with suppress(StopIteration):
            while True:
                yield self._first(ordered.__next__)

    def _first(self, draw: Callable[[], Genome]) -> Genome:
        """The first genome drawn that is legal, if one is soon."""
        left = _MOST_COSTLY if self.level is None else _MOST_COMPLETED
        for _ in range(_MOST_REJECTED):
            if not self.checks.quick(genome := draw()):
                continue
            if not self.checks.measures:
                return genome
            if not left:
                break
            left -= 1
            if self.checks.measure(genome):
                return genome
        raise NotDrawn(self._none_found())

    def _none_found(self) -> str:
        return (
            f"no network of {self.space.name} was found that meets all of "
            f"{', '.join(map(str, self.limits.every()))}: of {self.checks.looked_at:,} drawn, "
            f"{self.checks.account() or 'none could be completed'}"
            f"{_what_is_likely(self.checks.measured)}; widen a limit"
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
        if self.level is None:
            self.known = self._require_one(self.space, lambda: self.base)
            return
        root, every = self.space.root, self.limits
        if every != every.quick():  # completing many genomes in vain would measure many more
            self._require_one(root, cache(lambda: exact_feasibles(root, every)[0]))
        rng = generator(self.space)
        self.known = self._first(lambda: self.base.draw(self.prior, rng))

    def _require_one(self, space: Space, tightest: Callable[[], Feasible]) -> Genome:
        """A genome of ``space`` that meets all limits.

        Raises:
            BudgetError: none was found, or of a small space there is none.
        """
        costs = tuple(alone.limit for alone in self.exact)
        checks = Checks(space.root, Limits(costs, self.limits.bounds))
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
        quick, closed = self.limits.quick(), self.level is None
        if closed and not self._others and not quick.bounds:
            return
        verdicts = self._make_checks(quick).verdicts
        draws = _ESTIMATED if closed else _ESTIMATED_COSTLY
        if not closed:
            self.count = None
        elif self.count is not None:
            self.count *= estimate(self.base.draw_uniform, verdicts, draws).share
        self.quota = estimate(lambda rng: self.base.draw(self.prior, rng), verdicts, draws)
        if self.share is not None:
            self.share *= self.quota.share

    def enumerate(self) -> tuple[Genome, ...] | None:
        most = _MOST_COSTLY if self.checks.measures else _MOST_ENUMERATED
        if self.base.count is None or self.base.count > most:
            return None
        return tuple(filter(self.checks.passes, self.base.enumerate() or ()))


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
