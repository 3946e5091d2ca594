"""A strategy asked and told by hand, on the small test space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal, Scored, StagePlan, Strategy
from evo_nas.strategies.settings import Settings
from tests.kit.spaces import TinySpace

SPACE = TinySpace(5)
BUDGET = Limit("flops", high=500)
OBJECTIVES = (Objective("accuracy"), Objective("loss", maximise=False))
SETTINGS = Settings(samples=120, population=20, parents=5, crossover=10, mutation=10)


def score(genome: Genome) -> float:
    return -sum(abs(gene - 1) for gene in genome) / 10


def search(
    strategy: Strategy,
    seed: int = 0,
    budget: Limit = BUDGET,
    score: Callable[[Genome], float | None] = score,
    settings: Settings = SETTINGS,
    objectives: Sequence[Objective] = OBJECTIVES,
) -> list[list[tuple[Proposal, Scored]]]:
    """The generations of a search; a candidate whose score is None has failed."""
    stage = StagePlan("stage1", None, settings.samples, 5)
    strategy.begin(stage, Sampler(feasible(SPACE, budget)), settings, objectives)
    generations = []
    while proposals := strategy.ask(np.random.default_rng([seed, len(generations)])):
        scored = []
        for proposal in proposals:
            value = score(proposal.genome)
            metrics = {} if value is None else {"accuracy": value, "loss": 0.0}
            scored.append(Scored(proposal.genome, SPACE.costs(proposal.genome)["flops"], metrics))
        strategy.tell(scored)
        generations.append(list(zip(proposals, scored, strict=True)))
    return generations


def asked(*args: Any, **kwargs: Any) -> list[Proposal]:
    """All that a search proposes, in order."""
    return [proposal for generation in search(*args, **kwargs) for proposal, _ in generation]
