"""Many children of good parents, of which a surrogate is asked which are worth an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nlargest
from itertools import chain

import numpy as np

from evo_nas.sampling.distribution import Distribution, crossover, mutation
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal

_OPERATORS = (0.1, 0.3, 0.6)  # how often children are random, crossovers and mutants
_CHANGES = (1, 2, 4)  # choices in which mutants differ from their parent, in the mean
_GENERATIONS = 3  # children, their children, and theirs
_LITTER = 10  # children of the same parents by the same operator


class Breeding:
    """About ``pool`` children of the best by ``gain``, within limits and none proposed before.

    ``children`` are proposals by genome, ``gains`` what is expected of each.
    """

    def __init__(self, sampler: Sampler, pool: int, rng: np.random.Generator) -> None:
        self._sampler, self._pool, self._rng = sampler, pool, rng
        self.children: dict[Genome, Proposal] = {}
        self.gains: dict[Genome, float] = {}

    def run(
        self, parents: Sequence[Genome], gain: Callable[[Sequence[Genome]], Sequence[float]]
    ) -> None:
        """Breed from ``parents``, the best first, and from the best of their children."""
        size = len(parents)
        for _ in range(_GENERATIONS):
            born = self._breed(parents)
            if not born:
                break
            self.gains.update(zip(born, gain(born), strict=True))
            parents = self.best(size)

    def best(self, count: int) -> list[Genome]:
        """The children of which most is expected."""
        return nlargest(count, self.gains, key=self.gains.__getitem__)

    def _breed(self, parents: Sequence[Genome]) -> list[Genome]:
        """Add a generation of children, from many litters; those that are new."""
        children, before = self.children, len(self.children)
        for _ in range(max(self._pool // _GENERATIONS // _LITTER, 1)):
            distribution, origin, bred_from = self._litter(parents)
            # Of children's children, those ancestors that were evaluated: random ones have none.
            ancestors = [children[p].parents if p in children else (p,) for p in bred_from]
            evaluated = tuple(dict.fromkeys(chain.from_iterable(ancestors)))
            for genome in self._sampler.look(distribution, _LITTER, self._rng):
                child = Proposal(genome, origin if evaluated else "random", evaluated)
                children.setdefault(genome, child)
        return list(children)[before:]

    def _litter(self, parents: Sequence[Genome]) -> tuple[Distribution, str, tuple[Genome, ...]]:
        """What some children are drawn from, how they come about, and from whom."""
        space, rng = self._sampler.space, self._rng
        operator = rng.choice(len(_OPERATORS), p=_OPERATORS)
        # The better of two: good parents have more children, and every parent has some.
        first, second = (parents[i] for i in rng.integers(len(parents), size=(2, 2)).min(axis=1))
        if operator == 0:
            return self._sampler.feasible.prior, "random", ()
        if operator == 1 and first != second:
            return crossover(space, first, second), "crossover", (first, second)
        changes = _CHANGES[rng.integers(len(_CHANGES))]
        return mutation(space, first, _rate(space, first, changes)), "mutation", (first,)


def _rate(space: Space, parent: Genome, changes: int) -> float:
    """The mutation rate at which ``changes`` of the parent's active genes change in the mean."""
    genes = zip(space.choices, space.active(parent), strict=True)
    changeable = sum(1 - 1 / len(choice.options) for choice, on in genes if on)
    return min(changes / changeable, 1.0) if changeable else 1.0
