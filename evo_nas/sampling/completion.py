"""Finding one network that meets several limits, by drawing; always the same one.

While later levels of a hierarchical search are open, a genome is legal if such a network is found
among what they can make of it. The draws follow from the genome alone, so that the later stage,
which searches there, finds the same network first.

Why: docs/decisions/004-open-levels.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache, lru_cache

import numpy as np

from evo_nas.errors import NotDrawn
from evo_nas.space.space import Genome, Space

from .base import Feasible
from .checks import Checks, Limits
from .distribution import prior
from .feasible import feasible

FEW = 96  # draws to complete a genome
FEW_MEASURED = 16  # networks measured to complete one
_UNCONDITIONED = 32
_MOST_LISTED = 2000
_MOST_REMEMBERED = 10_000  # completions


def exact_feasibles(space: Space, limits: Limits, level: int | None = None) -> tuple[Feasible, ...]:
    """Each limit on a cost alone, met exactly where costs add up; the tightest first.

    The tightest has the smallest share of the prior; of equal ones, the first given.
    """
    found = [feasible(space, limit, level) for limit in limits.costs]
    return tuple(sorted(found, key=lambda f: 1.0 if f.share is None else f.share))


class OpenChecks(Checks):
    """Checks whether genomes of a stage can be completed by the levels after ``level``.

    ``others`` decide for each limit on a cost alone, which takes next to no time.
    """

    together = "no completion within all limits"

    def __init__(
        self, space: Space, limits: Limits, level: int, others: Sequence[Feasible] = ()
    ) -> None:
        super().__init__(space, Limits(tuple(other.limit for other in others), limits.bounds))
        self.measures, self._others, self._every = True, others, limits
        self._level = min(later for later in space.root.levels if later > level)
        self._completions = Checks(space.root, limits)
        self._can_become = lru_cache(_MOST_REMEMBERED)(self._look_for_completion)

    def quick(self, genome: Genome) -> bool:
        self.looked_at += 1
        return all(
            other.legal(genome) or self.reject(other.limit, other.cost(genome))
            for other in self._others
        )

    def measure(self, genome: Genome) -> bool:
        completed = self._can_become(self.space.lift(genome))
        self.rejected[self.together] += not completed
        return completed

    def verdicts(self, genome: Genome) -> dict[str, bool]:
        alone = {str(other.limit): other.legal(genome) for other in self._others}
        return alone | {self.together: self._can_become(self.space.lift(genome))}

    def account(self) -> str:
        return super().account() or self._completions.account()

    def _look_for_completion(self, full: Genome) -> bool:
        """Whether a network within all limits is found that is ``full`` up to the level."""
        space, every = self.space.root.stage(self._level, full), self._every
        if self._level == max(self.space.root.levels):
            tightest = cache(lambda: exact_feasibles(space, every)[0])
            found = first_legal(space, tightest, self._completions, FEW, FEW_MEASURED)
            return found is not None
        further = OpenChecks(space, every, self._level)
        tight = exact_feasibles(space, every, self._level)[0]
        rng, draws = generator(space), FEW_MEASURED if tight.share != 0 else 0
        drawn = (tight.draw(tight.prior, rng) for _ in range(draws))
        return any(further._can_become(space.lift(genome)) for genome in drawn)


def first_legal(
    space: Space,
    tightest: Callable[[], Feasible],
    checks: Checks,
    draws: int,
    measured: int,
    whole: int = 0,
) -> Genome | None:
    """The first of ``draws`` genomes that passes ``checks``; at most ``measured`` are measured.

    The first few come from the prior, which takes no table; the others are drawn within the
    tightest limit on a cost. Of a small space, all is looked at after a few draws; where the
    tightest limit admits no more than ``whole``, however many have to be measured.
    """
    left = measured
    known: dict[Genome, bool] = {}  # of those measured

    def passes(genome: Genome) -> bool | None:
        nonlocal left
        if checks.measures and not left:
            return None  # nothing was found out: no more may be measured
        full = space.lift(genome)
        if not checks.quick(full):
            return False
        if not checks.measures:
            return True
        if genome not in known:
            left -= 1
            known[genome] = checks.measure(full)
        return known[genome]

    with suppress(NotDrawn):
        for genome in _candidates(space, tightest, draws):
            if verdict := passes(genome):
                return genome
            if verdict is None:
                break
    if (small := _all_of(tightest())) is None:
        return None
    if len(small) <= whole:
        left = whole
    return next((genome for genome in small if passes(genome)), None)


def _candidates(space: Space, tightest: Callable[[], Feasible], draws: int) -> Iterator[Genome]:
    # The generator follows from the space, which a frozen genome has made: an earlier stage that
    # asks whether the genome can be completed, and the later stage that searches there, draw the
    # same genomes in the same order.
    rng, typical = generator(space), prior(space)
    for number in range(draws):
        if number < _UNCONDITIONED:
            yield typical.draw(space, rng)
        elif tightest().share == 0 or (number == FEW and _all_of(tightest()) is not None):
            break  # so small that looking at all of it decides, where drawing only guesses
        else:
            yield tightest().draw(tightest().prior, rng)


def _all_of(feasible: Feasible) -> tuple[Genome, ...] | None:
    """Everything legal, if it is little."""
    few = feasible.count is not None and feasible.count <= _MOST_LISTED
    return feasible.enumerate() if few else None


def generator(space: Space) -> np.random.Generator:
    """A stream that follows from what is frozen in the space alone."""
    return np.random.default_rng([1, *space.lift((0,) * len(space.choices))])
