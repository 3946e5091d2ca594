"""Regularized evolution: the oldest die, however good they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from deap import tools

from evo_nas.core.plugins.options import above, at_least

from .additive import By, ScoredSearch
from .base import Proposal, Scored
from .operators import Individual, lent_to_deap, make_toolbox


class Regularized(ScoredSearch):
    """A mutant of the best of a random ``sample`` replaces the oldest of the ``population``.

    Source: Real et al. 2019, "Regularized Evolution for Image Classifier Architecture Search",
    algorithm 1; ``population`` and ``sample`` are by default as there.

    Args:
        population: how many are alive.
        sample: of how many of them, drawn at random, the best is mutated.
        changes: how many choices a mutation redraws, in the mean.
        batch: children bred before any of them is scored, as by the paper's workers.
    """

    def __init__(
        self,
        *,
        population: Annotated[int, at_least(1)] = 100,
        sample: Annotated[int, at_least(1)] = 25,
        changes: Annotated[float, above(0)] = 1,
        batch: Annotated[int, at_least(1)] = 1,
        finalists: By = "scores",
    ) -> None:
        super().__init__(finalists=finalists)
        self._size, self._sample, self._changes, self._batch = population, sample, changes, batch

    def start(self) -> None:
        rate = min(self._changes / len(self.sampler.space.choices), 1.0)
        settings = replace(self.settings, mutation_rate=rate)
        self.toolbox = make_toolbox(self.sampler, settings, self.objectives)
        self.toolbox.register("select", tools.selTournament, k=1, tournsize=self._sample)
        self.population: deque[Individual] = deque(maxlen=self._size)  # full: the oldest leaves

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        size = self._batch if self.population else self._size
        return self.fill(size, lambda _: self._breed(rng))

    def _breed(self, rng: np.random.Generator) -> Proposal:
        proposal: Proposal
        if not self.population:
            proposal = self.toolbox.random(rng)
        else:
            with lent_to_deap(rng):
                (parent,) = self.toolbox.select(self.population)
            proposal = self.toolbox.mutate(parent, rng)
        return proposal

    def tell(self, scored: Sequence[Scored]) -> None:
        super().tell(scored)
        self.population.extend(self.toolbox.individual(s) for s in scored if s.metrics)
