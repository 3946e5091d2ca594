"""DEAP's part: individuals with a fitness, and a toolbox whose operators call the sampler.

Genomes, never individuals, leave this module: DEAP objects cross neither processes nor disk. The
lineage is kept as each individual's ``parents`` and goes into the run's store with the proposals;
DEAP's own ``History`` deep-copies every individual and would be lost at a restart.

Why: docs/decisions/022-lineage.md.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from deap import base, tools

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.distribution import crossover, mutation
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome

from .base import Proposal, Scored
from .settings import Settings


class Individual(list[int]):
    """A genome as DEAP handles it, with a fitness."""

    def __init__(self, genome: Genome, fitness: base.Fitness) -> None:
        super().__init__(genome)
        self.fitness = fitness

    @property
    def genome(self) -> Genome:
        """The genome as a tuple."""
        return tuple(self)


def make_toolbox(
    sampler: Sampler, settings: Settings, objectives: Sequence[Objective]
) -> base.Toolbox:
    """A toolbox with ``individual``, ``random``, ``mate``, ``mutate`` and ``select``.

    ``random(rng)``, ``mate(first, second, rng)`` and ``mutate(parent, rng)`` return a
    :class:`Proposal` of a legal genome that was never proposed before; all three raise
    :class:`evo_nas.sampling.sampler.Exhausted` when there is none.
    """
    toolbox = base.Toolbox()
    toolbox.register("individual", _individual, sampler, _fitness(objectives), objectives)
    toolbox.register("random", _random, sampler)
    toolbox.register("mate", _mate, sampler, settings.mutation_rate)
    toolbox.register("mutate", _mutate, sampler, settings.mutation_rate)
    toolbox.register("select", tools.selBest)
    return toolbox


@contextmanager
def lent_to_deap(rng: np.random.Generator) -> Iterator[None]:
    """Let DEAP's own selections, which draw from Python's global stream, draw from ``rng``."""
    state = random.getstate()
    random.seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        random.setstate(state)


def _fitness(objectives: Sequence[Objective]) -> type[base.Fitness]:
    """A fitness that compares by the objectives, then FLOPs, then genome: as ``strategy.rank``."""
    signs = (*(1 if o.maximise else -1 for o in objectives), -1, -1)
    return type("Fitness", (base.Fitness,), {"weights": signs})


def _individual(
    sampler: Sampler,
    fitness: type[base.Fitness],
    objectives: Sequence[Objective],
    scored: Scored,
) -> Individual:
    individual = Individual(scored.genome, fitness())
    metrics = (scored.metrics[o.name] for o in objectives)
    number = sampler.space.number(scored.genome)
    individual.fitness.values = (*metrics, scored.flops, number)
    return individual


def _random(sampler: Sampler, rng: np.random.Generator) -> Proposal:
    genome, _ = sampler.fresh(rng)
    return Proposal(genome, "random")


def _mate(
    sampler: Sampler,
    rate: float,
    first: Individual,
    second: Individual,
    rng: np.random.Generator,
) -> Proposal:
    a, b, space = first.genome, second.genome, sampler.space
    genome, used = sampler.fresh(
        rng, lambda: crossover(space, a, b), lambda: mutation(space, a, _doubled(rate))
    )
    return (
        Proposal(genome, "crossover", (a, b)),
        Proposal(genome, "mutation", (a,)),
        Proposal(genome, "random"),
    )[used]


def _mutate(
    sampler: Sampler, rate: float, parent: Individual, rng: np.random.Generator
) -> Proposal:
    genome, used = sampler.fresh(
        rng,
        lambda: mutation(sampler.space, parent.genome, rate),
        lambda: mutation(sampler.space, parent.genome, _doubled(rate)),
    )
    return (
        Proposal(genome, "mutation", (parent.genome,)) if used < 2 else Proposal(genome, "random")
    )


def _doubled(rate: float) -> float:
    return min(2 * rate, 1.0)
