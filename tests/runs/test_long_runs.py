"""A long search needs hardly more memory than a short one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.core.streams import Streams
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.search.course.ending import StageEnd
from evo_nas.search.course.rules import Rules
from evo_nas.search.stage import search
from evo_nas.search.store.store import Evaluation, Store
from evo_nas.strategies.base import Proposal, Scored
from evo_nas.strategies.settings import Settings
from evo_nas.training.ledger import Ledger
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

    evaluator, costs = SimpleNamespace(objectives=OBJECTIVES), None

    def accepts(self, evaluation: Evaluation) -> bool:
        return True

    def score(self, generation: int, proposals: Sequence[Proposal]) -> list[Evaluation]:
        return [
            Evaluation(
                "stage1", "search", generation, position, one.genome, one.flops, 0,
                one.metrics, "random", (), 0.0, Ledger(),
            )
            for position, one in enumerate(map(scored, proposals))
        ]  # fmt: skip

    def require(self, accepted: Sequence[Scored]) -> None:
        assert accepted


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


@pytest.mark.parametrize("name", STRATEGIES)
def test_of_a_candidate_hardly_more_than_its_number_is_kept(name: str, tmp_path: Path) -> None:
    blocks = Blocks()
    strategy = registry.load("strategy", name)
    (stage,) = strategy.plan(SPACE, SETTINGS)
    legal = feasible(SPACE, Limit("flops", high=1500))
    scorer: Any = Formula()
    end = StageEnd(Rules(), stage, strategy, Store.create(tmp_path / "run.sqlite", SPACE))
    search(strategy, stage, SETTINGS, legal, scorer, Streams(0), blocks, end, Sampler(legal))
    assert blocks.end == SETTINGS.samples
    assert blocks.each < 1.5  # a number is one; candidate, genome and metrics were six
