"""The surrogate-assisted strategy: what it proposes, how it ends, what it makes of bad scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evo_nas.core.plugins import registry
from evo_nas.errors import SpecError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal, Scored, StagePlan
from evo_nas.strategies.settings import Settings
from tests.kit.strategies import BUDGET, OBJECTIVES, SPACE, score, search

SPEC = "surrogate?first=10&batch=4&pool=60"
SETTINGS = Settings(samples=60)


def test_it_begins_at_random_and_goes_on_in_small_batches_within_the_budget() -> None:
    generations = search(registry.load("strategy", SPEC), settings=SETTINGS)
    assert [len(generation) for generation in generations] == [10] + [4] * 12 + [2]
    genomes = [proposal.genome for generation in generations for proposal, _ in generation]
    assert len(set(genomes)) == len(genomes)
    assert all(SPACE.costs(genome)["flops"] in BUDGET for genome in genomes)
    assert all(SPACE.canonical(genome) == genome for genome in genomes)
    origins = {proposal.origin for g in generations[1:] for proposal, _ in g}
    assert {"mutation", "crossover"} <= origins
    for generation in generations[1:]:
        for proposal, _ in generation:
            assert set(proposal.parents) <= set(genomes)


def test_it_finds_better_genomes_with_fewer_evaluations_than_evolution() -> None:
    def best(name: str, seed: int) -> float:
        generations = search(registry.load("strategy", name), seed, settings=SETTINGS)
        return max(s.metrics["accuracy"] for g in generations for _, s in g)

    mine = [best(SPEC, seed) for seed in range(4)]
    theirs = [best("spos", seed) for seed in range(4)]
    assert np.mean(mine) > np.mean(theirs)


def test_the_same_scores_give_the_same_search() -> None:
    first, second = (search(registry.load("strategy", SPEC), 3, settings=SETTINGS) for _ in "ab")
    assert first == second
    assert first != search(registry.load("strategy", SPEC), 4, settings=SETTINGS)


def test_every_legal_genome_of_a_small_space_is_evaluated_once() -> None:
    budget = Limit("flops", high=210)
    legal = feasible(SPACE, budget).enumerate()
    assert legal
    generations = search(
        registry.load("strategy", SPEC), budget=budget, settings=Settings(samples=1000)
    )
    genomes = [proposal.genome for generation in generations for proposal, _ in generation]
    assert sorted(genomes) == sorted(legal)


def test_two_choices_are_changed_at_once_where_a_tight_budget_asks_for_it() -> None:
    budget = Limit("flops", 300, 310)
    generations = search(registry.load("strategy", SPEC), budget=budget, settings=SETTINGS)
    genomes = [proposal.genome for generation in generations for proposal, _ in generation]
    assert all(SPACE.costs(genome)["flops"] in budget for genome in genomes)
    bred = [p for g in generations for p, _ in g if p.origin == "mutation"]
    assert any(sum(a != b for a, b in zip(p.genome, p.parents[0], strict=True)) >= 2 for p in bred)


def test_a_replay_of_recorded_scores_goes_on_as_if_it_had_never_stopped() -> None:
    whole = search(registry.load("strategy", SPEC), settings=SETTINGS)
    recorded = {s.genome: s.metrics["accuracy"] for g in whole[:6] for _, s in g}

    def replayed(genome: Genome) -> float:
        return recorded.pop(genome) if recorded else score(genome)

    again = search(registry.load("strategy", SPEC), score=replayed, settings=SETTINGS)
    assert again == whole
    assert not recorded


def test_a_small_pool_is_a_pool_still() -> None:
    generations = search(registry.load("strategy", "surrogate?pool=1"), settings=SETTINGS)
    assert "mutation" in {p.origin for g in generations[1:] for p, _ in g}


def test_parents_were_evaluated_in_earlier_generations() -> None:
    evaluated: set[Genome] = set()
    for generation in search(registry.load("strategy", SPEC), settings=SETTINGS):
        for proposal, _ in generation:
            assert set(proposal.parents) <= evaluated
            assert bool(proposal.parents) == (proposal.origin != "random")
        evaluated |= {proposal.genome for proposal, _ in generation}


def test_disasters_among_the_scores_do_not_lead_it_astray() -> None:
    def diverging(genome: Genome) -> float:
        return -1e6 if hash(genome) % 10 == 0 else score(genome)

    def best(spec: str, seed: int, scores: Callable[[Genome], float]) -> float:
        searched = search(registry.load("strategy", spec), seed, score=scores, settings=SETTINGS)
        return max(score(p.genome) for g in searched for p, _ in g)

    def mean(spec: str, scores: Callable[[Genome], float]) -> float:
        return float(np.mean([best(spec, seed, scores) for seed in range(4)]))

    random = mean("random_search", score)
    assert mean(SPEC, diverging) - random > 0.5 * (mean(SPEC, score) - random) > 0


def test_what_failed_has_no_children() -> None:
    strategy = registry.load("strategy", SPEC)
    stage = StagePlan("stage1", None, 60, 5)
    strategy.begin(stage, Sampler(feasible(SPACE, BUDGET)), SETTINGS, OBJECTIVES)
    failed: set[Genome] = set()
    asked = 0
    while proposals := strategy.ask(np.random.default_rng(asked)):
        asked += len(proposals)
        assert not any(failed & set(proposal.parents) for proposal in proposals)
        metrics = [{"accuracy": score(p.genome), "loss": 0.0} for p in proposals]
        bad = [p.genome[0] == 0 for p in proposals]
        failed |= {p.genome for p, wrong in zip(proposals, bad, strict=True) if wrong}
        told = zip(proposals, metrics, bad, strict=True)
        strategy.tell([Scored(p.genome, 1, {} if wrong else m) for p, m, wrong in told])
    assert failed
    assert asked == 60


def run(values: dict[str, float] | None, objective: Objective, odd: bool) -> list[Proposal]:
    """A search in which all scores are ``values``, of every second candidate if ``odd``."""
    strategy = registry.load("strategy", SPEC)
    stage = StagePlan("stage1", None, 40, 5)
    strategy.begin(stage, Sampler(feasible(SPACE, BUDGET)), Settings(samples=40), (objective,))
    asked: list[Proposal] = []
    while proposals := strategy.ask(np.random.default_rng(len(asked))):
        scored = [
            Scored(p.genome, 1, {} if values is None or (odd and i % 2) else values)
            for i, p in enumerate(proposals)
        ]
        strategy.tell(scored)
        asked += proposals
    return asked


@pytest.mark.parametrize("values", [{"accuracy": 0.1}, {"accuracy": 0.0}, None])
@pytest.mark.parametrize("odd", [False, True])
def test_scores_that_say_nothing_and_failures_do_not_stop_it(
    values: dict[str, float] | None, odd: bool
) -> None:
    asked = run(values, Objective("accuracy"), odd)
    assert len(asked) == 40
    assert len({proposal.genome for proposal in asked}) == 40


def test_what_is_to_be_minimised_is_minimised() -> None:
    def seconds(genome: Genome) -> float:
        return -score(genome)

    best = []
    for objective in (Objective("seconds", maximise=False), Objective("seconds")):
        strategy = registry.load("strategy", SPEC)
        stage = StagePlan("stage1", None, 60, 5)
        strategy.begin(stage, Sampler(feasible(SPACE, BUDGET)), SETTINGS, (objective,))
        found = []
        while proposals := strategy.ask(np.random.default_rng(len(found))):
            strategy.tell([Scored(p.genome, 1, {"seconds": seconds(p.genome)}) for p in proposals])
            found += [seconds(p.genome) for p in proposals]
        best.append(np.mean(found[30:]))
    assert best[0] < best[1]


def test_by_levels_it_plans_as_the_hierarchical_strategy_does() -> None:
    mine = registry.load("strategy", "surrogate?levels=true").plan(SPACE, SETTINGS)
    assert mine == registry.load("strategy", "hierarchical").plan(SPACE, SETTINGS)
    (flat,) = registry.load("strategy", "surrogate").plan(SPACE, SETTINGS)
    assert (flat.level, flat.candidates) == (None, 60)
    assert OBJECTIVES[0].name == "accuracy"


@pytest.mark.parametrize("option", ["first=0", "batch=none", "pool=-3"])
def test_senseless_options_are_named(option: str) -> None:
    with pytest.raises(SpecError, match=f"{option.partition('=')[0]}=.* must be a whole"):
        registry.load("strategy", f"surrogate?{option}")
