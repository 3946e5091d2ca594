"""Baselines of every comparison: random search with and without a proxy, single networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evo_nas.errors import BudgetError
from evo_nas.sampling.feasible import Feasible
from evo_nas.space.space import Genome, Space

from .base import Proposal, Scored, StagePlan, Strategy, flat_stage
from .evolution import Spos
from .settings import Settings


class RandomSearch(Spos):
    """Legal genomes from the prior, scored by the evaluator, the best of them retrained.

    Source: Li and Talwalkar 2019, "Random Search and Reproducibility for Neural Architecture
    Search".
    """

    def start(self) -> None:
        self.settings = replace(self.settings, crossover=0, mutation=0)
        super().start()


class RandomBaseline(RandomSearch):
    """A few legal genomes from the prior, all retrained and none scored: the paper's baseline.

    So that no score decides. The paper draws five.

    Source: Chen et al. 2021, "GLiT", section 4.3, Table 5.
    """

    def __init__(self) -> None:  # without scores there is nothing to choose finalists by
        super().__init__()

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        (stage,) = super().plan(space, settings)
        return (replace(stage, candidates=stage.finalists, scored=False),)


class Single(Strategy, ABC):
    """One network, retrained once; no score decides. A subclass says which."""

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        flat = flat_stage(space, settings)
        return (StagePlan(flat.name, flat.level, candidates=1, finalists=1, scored=False),)

    def start(self) -> None:
        self.left = 1  # whatever is planned

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        legal, origin = self.sampler.feasible, type(self).__name__.lower()
        return self.fill(1, lambda _: Proposal(self.choose(legal, rng), origin))

    @abstractmethod
    def choose(self, legal: Feasible, rng: np.random.Generator) -> Genome:
        """The network."""

    def tell(self, scored: Sequence[Scored]) -> None:
        """Nothing is learned."""


class Largest(Single):
    """A network with the highest FLOPs that the budget admits, drawn from those, retrained once.

    What a budget buys is mostly size, so a search has to beat the network that spends all of it.

    Source: Bender et al. 2020, "Can Weight Sharing Outperform Random Architecture Search?", where
    networks of equal cost are compared; this baseline is ours.
    """

    def choose(self, legal: Feasible, rng: np.random.Generator) -> Genome:
        return legal.draw_largest(rng)


class Smallest(Single):
    """A network with the lowest FLOPs that the budget admits, always the same, retrained once."""

    def choose(self, legal: Feasible, rng: np.random.Generator) -> Genome:
        return legal.best(lambda genome: -legal.cost(genome))


class Given(Single):
    """The network that is given, retrained once: what found ones are compared with.

    Args:
        genome: the number of each choice's option, with commas between, as best.json has them.
    """

    def __init__(self, *, genome: tuple[int, ...]) -> None:
        self.genome = genome

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        space.check(self.genome)
        return super().plan(space, settings)

    def choose(self, legal: Feasible, rng: np.random.Generator) -> Genome:
        genome = legal.space.check(self.genome)
        if not legal.legal(genome):
            raise BudgetError(f"the given network {genome} breaks a limit; widen the budget")
        return genome
