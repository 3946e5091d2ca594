"""Drawing genomes that meet the budget and have not been seen: the one source of proposals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import numpy as np

from evo_nas.errors import NotDrawn
from evo_nas.space.space import Genome

from .distribution import Distribution
from .feasible import Feasible

_UNCONDITIONED_TRIES = 32
_FRESH_TRIES = 16
_PRIOR_TRIES = 256
_UNIFORM_TRIES = 1000
_LIKELY = 0.05


class Exhausted(Exception):  # noqa: N818  a normal end, not an error
    """Every legal genome of the space has been proposed."""


class Sampler:
    """Draws legal genomes of ``feasible.space``, and remembers which were proposed."""

    def __init__(self, feasible: Feasible, given: Iterable[Genome] = ()) -> None:
        self.feasible = feasible
        self.given = list(given)  # legal genomes that are to be proposed first
        self.space = feasible.space
        self._proposed: set[int] = set()  # by number, a fifth of the memory of the genomes
        self._remaining: list[Genome] | None = None

    def draw(self, distribution: Distribution, rng: np.random.Generator) -> Genome:
        """One genome from the distribution conditioned on the budget.

        Keeping the first legal one of several unconditioned draws is that very distribution, and
        cheap; the table is used when none is legal.
        """
        share = self.feasible.share
        rare = distribution is self.feasible.prior and share is not None and share < _LIKELY
        for _ in range(0 if rare else _UNCONDITIONED_TRIES):
            genome = distribution.draw(self.space, rng)
            if self.feasible.legal(genome):
                return genome
        return self.feasible.draw(distribution, rng)

    def typical(self, rng: np.random.Generator) -> Genome:
        """One genome from the prior conditioned on legality; a known one where none is drawn."""
        try:
            return self.draw(self.feasible.prior, rng)
        except NotDrawn:
            if self.feasible.known is None:
                raise
            return self.feasible.known

    def fresh(
        self, rng: np.random.Generator, *distributions: Callable[[], Distribution]
    ) -> tuple[Genome, int]:
        """A genome never proposed before, and which of ``distributions`` it came from.

        Each is tried a bounded number of times before the next; after the last come the prior
        (its index is then ``len(distributions)``) and, in spaces of up to a million legal genomes,
        what is left of them all. A distribution of which no legal genome can be drawn is passed
        over; if it is the prior, the one legal genome that is known may be left.

        Raises:
            Exhausted: every legal genome has been proposed, or no other can be drawn.
        """
        for index, make in enumerate(distributions):
            found = self._new(make(), _FRESH_TRIES, rng)
            if found is not None:
                return found, index
        if self._remaining is None:
            found = self._new(self.feasible.prior, _PRIOR_TRIES, rng)
            if found is not None:
                return found, len(distributions)
        return self._leftover(rng), len(distributions)

    def _new(
        self, distribution: Distribution, tries: int, rng: np.random.Generator
    ) -> Genome | None:
        for _ in range(tries):
            try:
                genome = self.draw(distribution, rng)
            except NotDrawn:
                if not self._proposed and self.feasible.known is None:
                    raise
                return None
            if self.take(genome):
                return genome
        return None

    def look(
        self, distribution: Distribution, count: int, rng: np.random.Generator
    ) -> list[Genome]:
        """Those of ``count`` genomes drawn as by :meth:`draw` that were never proposed, each once.

        They stay so until they are taken. Fewer are drawn, or none, where few of the distribution's
        genomes are legal.
        """
        legal: list[Genome] = []
        for _ in range(_UNCONDITIONED_TRIES + 2 * count):
            if self.feasible.legal(genome := distribution.draw(self.space, rng)):
                legal.append(genome)
                if len(legal) == count:
                    break
        if not legal and self.feasible.share is not None:  # else it could only try the same again
            with suppress(NotDrawn):
                legal = [self.feasible.draw(distribution, rng) for _ in range(count)]
        return [g for g in dict.fromkeys(legal) if self.space.number(g) not in self._proposed]

    def take_given(self) -> list[Genome]:
        """What is given and not yet proposed, which is proposed now."""
        found, self.given = self.given, []
        for genome in found:
            self.take(genome)
        return found

    def take(self, genome: Genome) -> bool:
        """Remember that this genome is proposed; whether it never was before."""
        number = self.space.number(genome)
        new = number not in self._proposed
        self._proposed.add(number)
        return new

    def _leftover(self, rng: np.random.Generator) -> Genome:
        """One of the genomes that are left, once the prior hardly finds any."""
        if self._remaining is None and (legal := self.feasible.enumerate()) is not None:
            self._remaining = [legal[i] for i in rng.permutation(len(legal))]
        while self._remaining:
            if self.take(genome := self._remaining.pop()):
                return genome
        # Too many to enumerate, yet the prior keeps repeating itself: it must be very uneven.
        with suppress(NotDrawn):
            for _ in range(_UNIFORM_TRIES if self._remaining is None else 0):
                if self.take(genome := self.feasible.draw_uniform(rng)):
                    return genome
        if self.feasible.known is not None and self.take(self.feasible.known):
            return self.feasible.known
        raise Exhausted
