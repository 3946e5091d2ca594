"""Evolution that asks a surrogate which of its many children are worth an evaluation.

The surrogate is a Gaussian process, and children are chosen by expected improvement, as in Bayesian
optimisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from itertools import chain
from typing import Annotated

import numpy as np
from deap import tools
from threadpoolctl import ThreadpoolController

from evo_nas.core.plugins.options import at_least
from evo_nas.evaluation.warping import half_ranked
from evo_nas.sampling.distribution import Distribution, crossover, mutation
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.additive import By, ScoredSearch
from evo_nas.strategies.base import Proposal, Scored, StagePlan
from evo_nas.strategies.evolution import Hierarchical
from evo_nas.strategies.operators import make_toolbox
from evo_nas.strategies.settings import Settings

from .acquisition import choose, expected_gain
from .kernel import GenomeKernel
from .process import GaussianProcess

_OPERATORS = (0.1, 0.3, 0.6)  # how often children are random, crossovers and mutants
_CHANGES = (1, 2, 4)  # choices in which mutants differ from their parent, in the mean
_GENERATIONS = 3  # children, their children, and theirs
_LITTER = 10  # children of the same parents by the same operator
_CONTENDERS = 10  # for each place in a batch


class Surrogate(ScoredSearch):
    """A random ``first`` generation, then ``batch`` candidates at a time out of ``pool`` children.

    The children are mutants of one to several choices and crossovers of the best so far, and some
    random genomes, all within the budget and none evaluated before. The surrogate models the first
    objective; the others only break ties among parents. Where evaluations failed, nothing is
    learned but not to ask again.

    Source: Jin 2011, "Surrogate-assisted evolutionary computation: recent advances and future
    challenges"; children are chosen by expected improvement (Jones et al. 1998, "Efficient Global
    Optimization of Expensive Black-Box Functions") of a Gaussian process.

    Args:
        first: the number of random candidates to begin with.
        batch: candidates a generation from then on; fewer find more, more keep an evaluator busy.
        pool: children from which a batch is chosen, about; 30 at least are bred.
        levels: search level by level, as the hierarchical strategy does, and not all at once.
    """

    def __init__(
        self,
        *,
        first: Annotated[int, at_least(1)] = 20,
        batch: Annotated[int, at_least(1)] = 5,
        pool: Annotated[int, at_least(1)] = 300,
        levels: bool = False,
        finalists: By = "scores",
    ) -> None:
        super().__init__(finalists=finalists)
        self._first, self._batch, self._pool, self._levels = first, batch, pool, levels

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        if self._levels:
            return Hierarchical().plan(space, settings)
        return super().plan(space, settings)

    def start(self) -> None:
        self._objective = self.objectives[0]
        self.toolbox = make_toolbox(self.sampler, self.settings, self.objectives)
        self.hall_of_fame = tools.HallOfFame(self.settings.parents)
        self._kernel = GenomeKernel(self.sampler.space)
        self._process = GaussianProcess(self._kernel)
        self._encoded = np.zeros((0, self._kernel.columns))
        self._scores: list[float] = []
        self._threads = ThreadpoolController()

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        size = min(self._batch if self._scores else self._first, self.left)
        children = self._best_children(size, rng) if self._scores else []
        return self.fill(size, lambda _: self.toolbox.random(rng), children)

    def tell(self, scored: Sequence[Scored]) -> None:
        super().tell(scored)
        known = [s for s in scored if s.metrics]
        if known:
            self.hall_of_fame.update([self.toolbox.individual(s) for s in known])
            goal = self._objective
            self._scores += [goal.sign * s.metrics[goal.name] for s in known]
            encoded = self._kernel.encode([s.genome for s in known])
            self._encoded = np.vstack([self._encoded, encoded])

    def _best_children(self, count: int, rng: np.random.Generator) -> list[Proposal]:
        """The children that the surrogate expects most of; fewer where there are hardly any."""
        with self._threads.limit(limits=1, user_api="blas"):  # the same figures on any machine
            self._process.fit(self._encoded, half_ranked(np.array(self._scores)))
            best = float(self._process.predict(self._encoded).mean.max())
            children: dict[Genome, Proposal] = {}
            gains: dict[Genome, float] = {}
            parents = [individual.genome for individual in self.hall_of_fame]
            for _ in range(_GENERATIONS):
                born = self._breed(parents, children, rng)
                if not born:
                    break
                posterior = self._process.predict(self._kernel.encode(born))
                gains.update(zip(born, expected_gain(posterior, best).tolist(), strict=True))
                parents = nlargest(len(self.hall_of_fame), gains, key=gains.__getitem__)
            contenders = nlargest(_CONTENDERS * count, gains, key=gains.__getitem__)
            if not contenders:
                return []
            posterior = self._process.predict(self._kernel.encode(contenders))
            chosen = [contenders[i] for i in choose(posterior, best, count)]
        for genome in chosen:
            self.sampler.take(genome)
        return [children[genome] for genome in chosen]

    def _breed(
        self, parents: Sequence[Genome], children: dict[Genome, Proposal], rng: np.random.Generator
    ) -> list[Genome]:
        """Add a generation to ``children``: genomes that were never proposed, from many litters."""
        born = len(children)
        for _ in range(max(self._pool // _GENERATIONS // _LITTER, 1)):
            distribution, origin, bred_from = self._litter(parents, rng)
            # Of children's children, those ancestors that were evaluated: random ones have none.
            ancestors = [children[p].parents if p in children else (p,) for p in bred_from]
            evaluated = tuple(dict.fromkeys(chain.from_iterable(ancestors)))
            for genome in self.sampler.look(distribution, _LITTER, rng):
                child = Proposal(genome, origin if evaluated else "random", evaluated)
                children.setdefault(genome, child)
        return list(children)[born:]

    def _litter(
        self, parents: Sequence[Genome], rng: np.random.Generator
    ) -> tuple[Distribution, str, tuple[Genome, ...]]:
        """What some children are drawn from, how they come about, and from whom."""
        space = self.sampler.space
        operator = rng.choice(len(_OPERATORS), p=_OPERATORS)
        # The better of two: good parents have more children, and every parent has some.
        first, second = (parents[i] for i in rng.integers(len(parents), size=(2, 2)).min(axis=1))
        if operator == 0:
            return self.sampler.feasible.prior, "random", ()
        if operator == 1 and first != second:
            return crossover(space, first, second), "crossover", (first, second)
        changes = _CHANGES[rng.integers(len(_CHANGES))]
        return mutation(space, first, _rate(space, first, changes)), "mutation", (first,)


def _rate(space: Space, parent: Genome, changes: int) -> float:
    """The mutation rate at which ``changes`` of the parent's active genes change in the mean."""
    genes = zip(space.choices, space.active(parent), strict=True)
    changeable = sum(1 - 1 / len(choice.options) for choice, on in genes if on)
    return min(changes / changeable, 1.0) if changeable else 1.0
