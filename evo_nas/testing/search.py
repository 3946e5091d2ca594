"""A search of a small space as a run would make it, but bounded, and scored by a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.search.stage import stage_feasible
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal, Scored, StagePlan, Strategy, rank
from evo_nas.strategies.checks import check_proposals
from evo_nas.strategies.settings import Settings

from .check import expect

_MOST = 3  # times the planned candidates: whoever asks for more never ends


@dataclass
class Stage:
    """What a strategy proposed in a stage; ``cut`` if it would have gone on for ever."""

    plan: StagePlan
    legal: Feasible
    finalists: Callable[[int], list[Scored]]
    generations: list[list[Proposal]] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    cut: bool = False

    @property
    def proposals(self) -> list[Proposal]:
        """All of them, in order."""
        return [proposal for generation in self.generations for proposal in generation]


@dataclass
class Search:
    """All stages of a search."""

    stages: list[Stage]

    @property
    def asked(self) -> list[list[list[Proposal]]]:
        """Every proposal, by stage and generation."""
        return [stage.generations for stage in self.stages]

    @property
    def scores(self) -> list[list[dict[str, float]]]:
        """The metrics that were told, by stage."""
        return [[dict(scored.metrics) for scored in stage.scored] for stage in self.stages]


def search(
    strategy: Strategy,
    space: Space,
    settings: Settings,
    objectives: Sequence[Objective],
    budget: Limit,
    lost: Callable[[int, int], bool],
    recorded: Any = None,
) -> Search:
    """Search all stages; ``lost`` says by generation and place whose evaluation fails.

    ``recorded`` scores, by stage and place, are told instead of computing them.
    """
    stages: list[Stage] = []
    decided: Genome | None = None
    for number, plan in enumerate(strategy.plan(space, settings)):
        legal = stage_feasible(space, plan, Limits((budget,)), decided)
        scores = None if recorded is None else recorded[number]
        stage = _search_stage(strategy, plan, legal, settings, objectives, lost, scores)
        expect(stage.proposals, f"{plan.name}: ask() gives nothing at all; propose something")
        stages.append(stage)
        best = [*stage.finalists(1), *stage.scored][0].genome
        decided = legal.space.lift(legal.space.check(best))
    return Search(stages)


def _search_stage(
    strategy: Strategy,
    plan: StagePlan,
    legal: Feasible,
    settings: Settings,
    objectives: Sequence[Objective],
    lost: Callable[[int, int], bool],
    recorded: list[dict[str, float]] | None,
) -> Stage:
    def finalists(count: int) -> list[Scored]:
        return strategy.finalists(rank(stage.scored, objectives)[:count], count)

    stage = Stage(plan, legal, finalists)
    strategy.begin(plan, Sampler(legal), settings, objectives)
    while not stage.cut:
        generation = len(stage.generations)
        proposals = strategy.ask(np.random.default_rng([7, generation]))
        check_proposals(proposals, legal.space)
        if not proposals:
            break
        told = []
        for place, proposal in enumerate(proposals):
            genome = legal.space.check(proposal.genome)
            metrics = _metrics(legal.space.lift(genome), objectives)
            if recorded is not None:
                metrics = recorded[len(stage.scored) + place]
            if lost(generation, place) or not plan.scored:
                metrics = {}
            told.append(Scored(proposal.genome, legal.space.costs(genome)["flops"], metrics))
        stage.generations.append(list(proposals))
        stage.scored += told
        strategy.tell(told)
        stage.cut = len(stage.scored) > _MOST * plan.candidates
    return stage


def _metrics(full: Genome, objectives: Sequence[Objective]) -> dict[str, float]:
    """A landscape with one best genome, bumpy and the same for everybody."""
    distance = sum(abs(gene - 1) * (1 + place % 3) for place, gene in enumerate(full))
    bump = hash(full) % 7 / 100  # of integers alone, so the same in every process
    return {
        one.name: (bump - distance / 10) * (1 if one.maximise else -1) + number * bump
        for number, one in enumerate(objectives)
    }
