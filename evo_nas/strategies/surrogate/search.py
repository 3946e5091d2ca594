"""Searches that ask a surrogate which of many children are worth an evaluation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Protocol

import numpy as np
from threadpoolctl import ThreadpoolController

from evo_nas.core.plugins.options import at_least
from evo_nas.space.space import Genome
from evo_nas.strategies.additive import By, ScoredSearch
from evo_nas.strategies.base import Proposal, Scored
from evo_nas.strategies.operators import make_toolbox

from .breeding import Breeding
from .kernel import GenomeKernel

_CONTENDERS = 10  # for each place in a batch


class Acquisition(Protocol):
    """What a surrogate makes of genomes that were never evaluated."""

    def gain(self, genomes: Sequence[Genome]) -> list[float]:
        """What is expected of each."""

    def choose(self, genomes: Sequence[Genome], count: int) -> list[Genome]:
        """A batch of them, of which most is expected together."""


class SurrogateSearch(ScoredSearch):
    """A random ``first`` generation, then ``batch`` candidates at a time out of ``pool`` children.

    The children are mutants of one to several choices and crossovers of the best so far, and some
    random genomes, all within the budget and none evaluated before. Where evaluations failed,
    nothing is learned but not to ask again.

    Args:
        first: the number of random candidates to begin with.
        batch: candidates a generation from then on; fewer find more, more keep an evaluator busy.
        pool: children from which a batch is chosen, about; 30 at least are bred.
    """

    def __init__(
        self,
        *,
        first: Annotated[int, at_least(1)] = 20,
        batch: Annotated[int, at_least(1)] = 5,
        pool: Annotated[int, at_least(1)] = 300,
        finalists: By = "scores",
    ) -> None:
        super().__init__(finalists=finalists)
        self._first, self._batch, self._pool = first, batch, pool

    def start(self) -> None:
        super().start()
        self.toolbox = make_toolbox(self.sampler, self.settings, self.objectives)
        self.kernel = GenomeKernel(self.sampler.space)
        self.encoded = np.zeros((0, self.kernel.columns))  # what was scored, in order
        self._threads = ThreadpoolController()

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        known = len(self.encoded) > 0
        size = min(self._batch if known else self._first, self.left)
        children = self._best_children(size, rng) if known else []
        return self.fill(size, lambda _: self.toolbox.random(rng), children)

    def tell(self, scored: Sequence[Scored]) -> None:
        super().tell(scored)
        known = [s for s in scored if s.metrics]
        if known:
            self.encoded = np.vstack([self.encoded, self.kernel.encode([s.genome for s in known])])
            self.learn(known)

    @abstractmethod
    def learn(self, scored: Sequence[Scored]) -> None:
        """Keep what the surrogate is to be fitted to of these, which are told first here."""

    @abstractmethod
    def fit(self, rng: np.random.Generator) -> tuple[Sequence[Genome], Acquisition]:
        """Fit the surrogate; the parents to breed from, the best first, and who chooses."""

    def _best_children(self, count: int, rng: np.random.Generator) -> list[Proposal]:
        """The children that the surrogate expects most of; fewer where there are hardly any."""
        with self._threads.limit(limits=1, user_api="blas"):  # the same figures on any machine
            parents, acquisition = self.fit(rng)
            breeding = Breeding(self.sampler, self._pool, rng)
            breeding.run(parents, acquisition.gain)
            contenders = breeding.best(_CONTENDERS * count)
            chosen = acquisition.choose(contenders, count) if contenders else []
        for genome in chosen:
            self.sampler.take(genome)
        return [breeding.children[genome] for genome in chosen]
