"""Evolution in one stage or level by level, as SPOS does it (Guo et al. 2020, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from deap import tools

from evo_nas.space.space import Space

from .additive import ScoredSearch
from .base import Proposal, Scored, StagePlan
from .operators import Individual, make_toolbox
from .settings import Settings


class Evolution(ScoredSearch):
    """A random first generation, then crossover and mutation of the best seen so far."""

    def start(self) -> None:
        self.toolbox = make_toolbox(self.sampler, self.settings, self.objectives)
        # Parents are the best of all generations, so everything evaluated competes.
        self.hall_of_fame = tools.HallOfFame(self.settings.parents)

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        parents = self.choose_parents(rng)
        size = self.settings.population
        return self.fill(size, lambda place: self._breed(place, parents, rng))

    def _breed(
        self, position: int, parents: Sequence[Individual], rng: np.random.Generator
    ) -> Proposal:
        bred = self.settings.crossover + self.settings.mutation
        proposal: Proposal
        if not parents or position >= bred:
            proposal = self.toolbox.random(rng)
        elif position < self.settings.crossover and len(parents) > 1:
            first, second = rng.choice(len(parents), 2, replace=False).tolist()
            proposal = self.toolbox.mate(parents[first], parents[second], rng)
        else:
            proposal = self.toolbox.mutate(parents[int(rng.integers(len(parents)))], rng)
        return proposal

    def tell(self, scored: Sequence[Scored]) -> None:
        super().tell(scored)
        self.remember([self.toolbox.individual(s) for s in scored if s.metrics])

    def choose_parents(self, rng: np.random.Generator) -> Sequence[Individual]:
        """Who breeds next: the best so far."""
        parents: Sequence[Individual] = self.hall_of_fame
        return parents

    def remember(self, individuals: Sequence[Individual]) -> None:
        """Keep what later generations can be bred from."""
        self.hall_of_fame.update(individuals)


class Distribution(Evolution):
    """The first level only; what later levels would decide stays at the space's details.

    Source: Chen et al. 2021, "GLiT", section 4.2, Table 4.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        # It is final: the genome's own cost has to meet the budget.
        return (StagePlan("stage1", space.levels[0], settings.samples, settings.finalists),)


class Hierarchical(Evolution):
    """A stage for each level of the space; each starts from the best finalist of the one before.

    Source: Chen et al. 2021, "GLiT", section 3.3.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        return tuple(
            StagePlan(
                name=f"stage{number}",
                level=level,
                candidates=settings.samples,
                finalists=settings.finalists,
                final=level == space.levels[-1],
            )
            for number, level in enumerate(space.levels, start=1)
        )


class Spos(Evolution):
    """One flat stage over all choices, with a supernet trained for as long as all levels' ones.

    Source: Guo et al. 2020, "Single Path One-Shot Neural Architecture Search with Uniform
    Sampling", section 3.4, algorithm 1.
    """
