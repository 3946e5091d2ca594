"""A search of a small space as a run would make it, but bounded, and scored by a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evo_nas.errors import EvoNasError
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
    strategy: Strategy
    objectives: Sequence[Objective]
    generations: list[list[Proposal]] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    cut: bool = False

    @property
    def proposals(self) -> list[Proposal]:
        """All of them, in order."""
        return [proposal for generation in self.generations for proposal in generation]

    @property
    def complete(self) -> bool:
        """Whether all candidates that were planned are proposed, or all that there are."""
        possible, done = self.legal.count, len(self.proposals)
        return done == self.plan.candidates or (possible is not None and done >= possible)

    def admits(self, genome: Genome) -> bool:
        """Whether it is a legal canonical genome of the stage."""
        try:
            return self.legal.space.check(genome) == genome and self.legal.legal(genome)
        except EvoNasError:
            return False

    def finalists(self, count: int) -> list[Scored]:
        """Whom the strategy would retrain."""
        best = rank(self.scored, self.objectives)[:count]
        return self.strategy.finalists(best, count)


def search(
    strategy: Strategy,
    space: Space,
    settings: Settings,
    objectives: Sequence[Objective],
    budget: Limit,
    lost: Callable[[int, int], bool],
    recorded: Any = None,
) -> list[Stage]:
    """Search all stages; ``lost`` says by generation and place whose evaluation fails.

    ``recorded`` scores, by stage and place, are told instead of computing them.
    """

    def score(stage: Stage, proposal: Proposal, place: int) -> Scored:
        genome = stage.legal.space.check(proposal.genome)
        metrics = _metrics(stage.legal.space.lift(genome), objectives)
        if recorded is not None:
            metrics = recorded[len(stages)][len(stage.scored) + place]
        if lost(len(stage.generations), place) or not stage.plan.scored:
            metrics = {}
        return Scored(proposal.genome, stage.legal.space.costs(genome)["flops"], metrics)

    stages: list[Stage] = []
    decided: Genome | None = None
    for plan in strategy.plan(space, settings):
        legal = stage_feasible(space, plan, Limits((budget,)), decided)
        stage = Stage(plan, legal, strategy, objectives)
        strategy.begin(plan, Sampler(legal), settings, objectives)
        while not stage.cut:
            proposals = strategy.ask(np.random.default_rng([7, len(stage.generations)]))
            check_proposals(proposals, legal.space)
            if not proposals:
                break
            told = [score(stage, proposal, place) for place, proposal in enumerate(proposals)]
            stage.generations.append(list(proposals))
            stage.scored += told
            strategy.tell(told)
            stage.cut = len(stage.scored) > _MOST * plan.candidates
        expect(stage.proposals, f"{plan.name}: ask() gives nothing at all; propose something")
        best = [*stage.finalists(1), *stage.scored][0].genome
        decided = legal.space.lift(legal.space.check(best))
        stages.append(stage)
    return stages


def _metrics(full: Genome, objectives: Sequence[Objective]) -> dict[str, float]:
    """A landscape with one best genome, bumpy and the same for everybody."""
    distance = sum(abs(gene - 1) * (1 + place % 3) for place, gene in enumerate(full))
    bump = hash(full) % 7 / 100  # of integers alone, so the same in every process
    return {
        one.name: (bump - distance / 10) * one.sign + number * bump
        for number, one in enumerate(objectives)
    }
