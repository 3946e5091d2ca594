"""Search by expected hypervolume improvement: its front, its batches, its objectives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import moocore
import numpy as np
import pytest

from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal, Scored, StagePlan, rank
from evo_nas.strategies.settings import Settings
from tests.kit.strategies import BUDGET, OBJECTIVES, SPACE, asked, score, search

SPEC = "ehvi?first=10&batch=4&pool=60"
SETTINGS = Settings(samples=60, population=20, crossover=10, mutation=10)


def trade_off(genome: Genome) -> float:
    return float(SPACE.costs(genome)["flops"] ** 0.5 / 10 + score(genome))


def dominated(spec: str, seed: int) -> float:
    """The hypervolume after 60 candidates."""
    found = asked(registry.load("strategy", spec), seed, score=trade_off, settings=SETTINGS)
    points = [(-trade_off(p.genome), SPACE.costs(p.genome)["flops"] / 500) for p in found]
    return float(moocore.hypervolume(points, ref=(0.0, 1.0)))


@pytest.mark.slow
def test_it_dominates_more_than_nsga2_with_as_many_evaluations() -> None:
    mine, theirs = ([dominated(spec, seed) for seed in range(4)] for spec in (SPEC, "nsga2"))
    assert np.mean(mine) > np.mean(theirs)


def test_it_breeds_from_what_was_evaluated_within_the_budget_in_batches_of_many_costs() -> None:
    generations = search(registry.load("strategy", SPEC), score=trade_off, settings=SETTINGS)
    assert [len(generation) for generation in generations] == [10] + [4] * 12 + [2]
    evaluated: set[Genome] = set()
    for generation in generations:
        for proposal, scored in generation:
            assert scored.flops in BUDGET
            assert set(proposal.parents) <= evaluated
        evaluated |= {proposal.genome for proposal, _ in generation}
    assert len(evaluated) == 60
    ranges = [np.ptp([scored.flops for _, scored in g]) for g in generations[1:6]]
    assert np.mean(ranges) > 50


def test_its_finalists_are_spread_over_the_front() -> None:
    strategy = registry.load("strategy", SPEC)
    generations = search(strategy, score=trade_off, settings=SETTINGS)
    everything = [scored for generation in generations for _, scored in generation]
    finalists = strategy.finalists(rank(everything, OBJECTIVES)[:5], 5)
    best = max(everything, key=lambda s: s.metrics["accuracy"])
    cheapest = min(everything, key=lambda s: s.flops)
    assert {best.flops, cheapest.flops} <= {one.flops for one in finalists}
    for one in finalists:
        assert not any(
            other.flops < one.flops and other.metrics["accuracy"] >= one.metrics["accuracy"]
            for other in everything
        )


LATENCY = (Objective("accuracy"), Objective("latency", maximise=False))


def three(spec: str, seed: int = 0) -> list[Proposal]:
    """What is proposed where a latency, which no cost tells, has to be measured."""
    strategy = registry.load("strategy", spec)
    sampler = Sampler(feasible(SPACE, BUDGET))
    strategy.begin(StagePlan("stage1", None, 60, 5), sampler, SETTINGS, LATENCY)
    everything: list[Proposal] = []
    while proposals := strategy.ask(np.random.default_rng([seed, len(everything)])):
        everything += proposals
        genomes = [p.genome for p in proposals]
        flops = [SPACE.costs(genome)["flops"] for genome in genomes]
        metrics = [{"accuracy": trade_off(g), "latency": latency(g)} for g in genomes]
        strategy.tell([Scored(*each) for each in zip(genomes, flops, metrics, strict=True)])
    return everything


def latency(genome: Genome) -> float:
    return 1.0 + sum(gene == 2 for gene in genome)


@pytest.mark.slow
def test_what_is_not_known_before_an_evaluation_is_learned() -> None:
    def volume(spec: str, seed: int) -> float:
        points = [
            (-trade_off(p.genome), SPACE.costs(p.genome)["flops"] / 500, latency(p.genome) / 10)
            for p in three(spec, seed)
        ]
        return float(moocore.hypervolume(points, ref=(0.0, 1.0, 1.0)))

    mine, theirs = (
        [volume(f"{spec}against=flops,latency", seed) for seed in range(2)]
        for spec in (f"{SPEC}&", "nsga2?")
    )
    assert np.mean(mine) > np.mean(theirs)


def test_costs_are_objectives_of_their_own() -> None:
    strategy = registry.load("strategy", f"{SPEC}&against=flops,params")
    assert [goal.name for goal in strategy.goals(OBJECTIVES)] == ["accuracy", "flops", "params"]
    settings = replace(SETTINGS, samples=30)
    search(strategy, score=trade_off, settings=settings)
    genome = (0, 0, 0) * 5
    costs, metrics = SPACE.costs(genome), {"accuracy": 0.5, "loss": 0.0}
    scored = Scored(genome, costs["flops"], metrics)
    assert strategy.aims(scored) == (0.5, -costs["flops"], -costs["params"])


@pytest.mark.parametrize("name", ["ehvi", "nsga2"])
@pytest.mark.parametrize(
    ("against", "told"),
    [("flop", "accuracy against 'flop': did you mean"), ("flops,flops", "each objective once")],
)
def test_what_there_is_not_is_refused(name: str, against: str, told: str) -> None:
    strategy = registry.load("strategy", f"{name}?against={against}")
    with pytest.raises(SettingsError, match=told):
        strategy.goals(OBJECTIVES)


@pytest.mark.parametrize(
    "scores",
    [lambda _: 0.1, lambda _: None, lambda genome: 0.1 if sum(genome) % 2 else None],
    ids=["one", "all fail", "half fail"],
)
def test_scores_that_say_nothing_and_failures_do_not_stop_it(
    scores: Callable[[Genome], float | None],
) -> None:
    settings = replace(SETTINGS, samples=40)
    found = asked(registry.load("strategy", SPEC), score=scores, settings=settings)
    assert len({proposal.genome for proposal in found}) == len(found) == 40


def test_every_legal_genome_of_a_small_space_is_evaluated_once() -> None:
    budget, settings = Limit("flops", high=210), Settings(samples=1000)
    found = asked(registry.load("strategy", SPEC), budget=budget, settings=settings)
    assert sorted(p.genome for p in found) == list(feasible(SPACE, budget).enumerate() or ())
