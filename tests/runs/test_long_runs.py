"""A long search needs hardly more memory than a short one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from evo_nas.core.plugins import registry
from evo_nas.core.progress import Progress, Silent
from evo_nas.core.streams import Streams
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.search.stage import search
from evo_nas.search.store.store import Evaluation
from evo_nas.strategies.base import Proposal, Scored, rank
from evo_nas.strategies.settings import Settings
from evo_nas.training.batches import Ledger
from tests.kit.spaces import TinySpace

SPACE = TinySpace(12)
OBJECTIVES = (Objective("accuracy"),)
SETTINGS = Settings(samples=1200, finalists=3)
STRATEGIES = ["spos", "random_search", "regularized?population=50", "nsga2"]


def scored(proposal: Proposal) -> Scored:
    genome = proposal.genome
    accuracy = -sum(abs(gene - 1) for gene in genome) + SPACE.number(genome) % 997 / 1000
    return Scored(genome, SPACE.costs(genome)["flops"], {"accuracy": accuracy})


class Formula:
    """Scores as a :class:`evo_nas.search.scoring.Scorer` does, and keeps nothing."""

    evaluator = SimpleNamespace(objectives=OBJECTIVES)

    def score(self, generation: int, proposals: Sequence[Proposal]) -> list[Evaluation]:
        return [
            Evaluation(
                "stage1", "search", generation, position, one.genome, one.flops, 0,
                one.metrics, "random", (), 0.0, Ledger(),
            )
            for position, one in enumerate(map(scored, proposals))
        ]  # fmt: skip

    def require_scores(self) -> None:
        pass


class Remembering(Formula):
    """Keeps everything, for comparison."""

    def __init__(self) -> None:
        self.scored: list[Scored] = []

    def score(self, generation: int, proposals: Sequence[Proposal]) -> list[Evaluation]:
        self.scored += map(scored, proposals)
        return super().score(generation, proposals)


class Blocks(Silent):
    """How many blocks of memory Python holds, when 500 candidates have been scored and then."""

    def __init__(self) -> None:
        self.begin = self.few = self.end = self.many = 0

    def advance(self, done: float, note: str = "") -> None:
        held = sys.getallocatedblocks()
        if done >= 500 and not self.begin:
            self.begin, self.few = int(done), held
        self.end, self.many = int(done), held

    @property
    def each(self) -> float:
        """More of them for each candidate."""
        return (self.many - self.few) / (self.end - self.begin)


def run(strategy: str, scorer: Formula, progress: Progress) -> list[Scored]:
    loaded = registry.load("strategy", strategy)
    (stage,) = loaded.plan(SPACE, SETTINGS)
    legal = feasible(SPACE, Limit("flops", high=1500))
    return search(
        loaded, stage, SETTINGS, legal, scorer, Streams(0), progress  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_of_a_candidate_hardly_more_than_its_number_is_kept(strategy: str) -> None:
    blocks = Blocks()
    run(strategy, Formula(), blocks)
    assert blocks.end == SETTINGS.samples
    assert blocks.each < 1.5  # a number is one; candidate, genome and metrics were six


def test_the_finalists_are_the_best_of_all_that_were_scored() -> None:
    scorer = Remembering()
    finalists = run("random_search", scorer, Silent())
    assert len(scorer.scored) == SETTINGS.samples
    assert finalists == rank(scorer.scored, OBJECTIVES)[:3]
