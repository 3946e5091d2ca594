"""DEAP's part: individuals with a fitness, and a toolbox whose operators call the sampler.

Genomes, never individuals, leave this module: DEAP objects cross neither processes nor disk. The
lineage is kept as each individual's ``parents`` and goes into the run's store with the proposals;
DEAP's own ``History`` deep-copies every individual and would be lost at a restart.

Why: docs/decisions/022-lineage.md.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from deap import base, tools

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.distribution import crossover, mutation
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome

from .base import Proposal, Scored
from .goals import FLOPS
from .settings import Settings

_NUMBER = Objective("number", maximise=False)


class Individual(list[int]):
    """A genome as DEAP handles it, with a fitness."""

    fitness: base.Fitness

    @property
    def genome(self) -> Genome:
        """The genome as a tuple."""
        return tuple(self)


def individuals(
    objectives: Sequence[Objective], values: Callable[[Scored], tuple[float, ...]]
) -> Callable[[Scored], Individual]:
    """A function that makes individuals, whose fitness compares ``values`` by the objectives."""
    signs = tuple(objective.sign for objective in objectives)
    fitness = type("Fitness", (base.Fitness,), {"weights": signs})

    def make(scored: Scored) -> Individual:
        individual = Individual(scored.genome)
        individual.fitness = fitness(values(scored))
        return individual

    return make


def make_toolbox(
    sampler: Sampler, settings: Settings, objectives: Sequence[Objective]
) -> base.Toolbox:
    """A toolbox with ``individual``, ``random``, ``mate``, ``mutate`` and ``select``.

    ``random(rng)``, ``mate(first, second, rng)`` and ``mutate(parent, rng)`` return a
    :class:`Proposal` of a legal genome that was never proposed before; all three raise
    :class:`evo_nas.sampling.sampler.Exhausted` when there is none. Individuals compare by the
    objectives, then FLOPs, then genome: as ``strategies.base.rank`` does.
    """
    space, rate = sampler.space, settings.mutation_rate
    doubled = min(2 * rate, 1.0)

    def values(scored: Scored) -> tuple[float, ...]:
        metrics = (scored.metrics[objective.name] for objective in objectives)
        return (*metrics, scored.flops, space.number(scored.genome))

    def draw(rng: np.random.Generator) -> Proposal:
        return Proposal(sampler.fresh(rng)[0], "random")

    def mate(first: Individual, second: Individual, rng: np.random.Generator) -> Proposal:
        a, b = first.genome, second.genome
        genome, used = sampler.fresh(
            rng, lambda: crossover(space, a, b), lambda: mutation(space, a, doubled)
        )
        origins = ("crossover", (a, b)), ("mutation", (a,)), ("random", ())
        return Proposal(genome, *origins[used])

    def mutate(parent: Individual, rng: np.random.Generator) -> Proposal:
        a = parent.genome
        genome, used = sampler.fresh(
            rng, lambda: mutation(space, a, rate), lambda: mutation(space, a, doubled)
        )
        origins = ("mutation", (a,)), ("mutation", (a,)), ("random", ())
        return Proposal(genome, *origins[used])

    toolbox = base.Toolbox()
    toolbox.register("individual", individuals((*objectives, FLOPS, _NUMBER), values))
    toolbox.register("random", draw)
    toolbox.register("mate", mate)
    toolbox.register("mutate", mutate)
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
