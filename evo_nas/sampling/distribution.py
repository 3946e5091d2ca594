"""Distributions over genomes: one probability vector for each choice, given that it is active.

The prior, mutation and crossover are all of this form, so sampling within a budget (see
:mod:`evo_nas.sampling.sampler`) treats them alike: there is nothing to repair and nothing stale to
leak.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from evo_nas.space.space import Genome, Space


class Distribution:
    """Independent choices: active ones are drawn from their vector, parents before children."""

    def __init__(self, probabilities: Sequence[Sequence[float]]) -> None:
        self.probabilities = tuple(tuple(vector) for vector in probabilities)
        self._cumulative = [_cumulative(vector) for vector in self.probabilities]

    def draw(self, space: Space, rng: np.random.Generator) -> Genome:
        """One canonical genome, unconditioned."""
        uniform = rng.random(len(self._cumulative)).tolist()
        # A gene for every choice; the canonical genome drops those of inactive ones.
        return space.canonical(tuple(map(bisect_right, self._cumulative, uniform)))


def _cumulative(vector: Sequence[float]) -> list[float]:
    """Running sums; from the last possible option on they are 1, however sums are rounded."""
    sums = list(accumulate(vector))
    last = len(vector) - 1
    while vector[last] <= 0:
        last -= 1
    sums[last:] = [1.0] * (len(sums) - last)
    return sums


def prior(space: Space) -> Distribution:
    """Every active choice uniform."""
    return Distribution([_uniform(len(choice.options)) for choice in space.choices])


def mutation(space: Space, parent: Genome, rate: float) -> Distribution:
    """Each gene that is active in the parent is redrawn with probability ``rate``.

    A gene that becomes active in the child comes from the prior, whatever the parent stores there.
    """
    vectors = []
    for choice, gene, on in zip(space.choices, parent, space.active(parent), strict=True):
        vector = _uniform(len(choice.options))
        if on:
            vector = [p * rate for p in vector]
            vector[gene] += 1 - rate
        vectors.append(vector)
    return Distribution(vectors)


def crossover(space: Space, first: Genome, second: Genome) -> Distribution:
    """Each gene comes from one of the parents in whom it is active, or from the prior."""
    vectors = []
    for choice, genes, active in zip(
        space.choices,
        zip(first, second, strict=True),
        zip(space.active(first), space.active(second), strict=True),
        strict=True,
    ):
        having = [gene for gene, on in zip(genes, active, strict=True) if on]
        if having:
            vector = [having.count(i) / len(having) for i in range(len(choice.options))]
        else:
            vector = _uniform(len(choice.options))
        vectors.append(vector)
    return Distribution(vectors)


def _uniform(count: int) -> list[float]:
    return [1 / count] * count
