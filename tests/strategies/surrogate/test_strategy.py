"""The surrogate-assisted strategy: what it proposes, how it ends, what it makes of bad scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evo_nas.core.plugins import registry
from evo_nas.errors import SpecError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.space.space import Genome
from evo_nas.strategies.settings import Settings
from tests.kit.strategies import BUDGET, SPACE, asked, score, search

SPEC = "surrogate?first=10&batch=4&pool=60"
SETTINGS = Settings(samples=60)


def test_it_begins_at_random_and_goes_on_in_small_batches_within_the_budget() -> None:
    generations = search(registry.load("strategy", SPEC), settings=SETTINGS)
    assert [len(generation) for generation in generations] == [10] + [4] * 12 + [2]
    evaluated: set[Genome] = set()
    for generation in generations:
        for proposal, scored in generation:
            assert scored.flops in BUDGET
            assert set(proposal.parents) <= evaluated
            assert bool(proposal.parents) == (proposal.origin != "random")
        evaluated |= {proposal.genome for proposal, _ in generation}
    assert len(evaluated) == 60
    origins = {proposal.origin for g in generations[1:] for proposal, _ in g}
    assert {"mutation", "crossover"} <= origins


def best(spec: str, seed: int, scores: Callable[[Genome], float] = score) -> float:
    found = asked(registry.load("strategy", spec), seed, score=scores, settings=SETTINGS)
    return max(score(proposal.genome) for proposal in found)


def test_it_finds_better_genomes_with_fewer_evaluations_than_evolution() -> None:
    mine, theirs = ([best(spec, seed) for seed in range(4)] for spec in (SPEC, "spos"))
    assert np.mean(mine) > np.mean(theirs)


def test_disasters_among_the_scores_do_not_lead_it_astray() -> None:
    def diverging(genome: Genome) -> float:
        return -1e6 if hash(genome) % 10 == 0 else score(genome)

    def mean(spec: str, scores: Callable[[Genome], float]) -> float:
        return float(np.mean([best(spec, seed, scores) for seed in range(4)]))

    random = mean("random_search", score)
    assert mean(SPEC, diverging) - random > 0.5 * (mean(SPEC, score) - random) > 0


def test_every_legal_genome_of_a_small_space_is_evaluated_once() -> None:
    budget, settings = Limit("flops", high=210), Settings(samples=1000)
    found = asked(registry.load("strategy", SPEC), budget=budget, settings=settings)
    assert sorted(p.genome for p in found) == list(feasible(SPACE, budget).enumerate() or ())


def test_two_choices_are_changed_at_once_where_a_tight_budget_asks_for_it() -> None:
    budget = Limit("flops", 300, 310)
    found = asked(registry.load("strategy", SPEC), budget=budget, settings=SETTINGS)
    assert all(SPACE.costs(proposal.genome)["flops"] in budget for proposal in found)
    bred = [p for p in found if p.origin == "mutation"]
    assert any(sum(a != b for a, b in zip(p.genome, p.parents[0], strict=True)) >= 2 for p in bred)


def test_a_small_pool_is_a_pool_still() -> None:
    found = asked(registry.load("strategy", "surrogate?pool=1"), settings=SETTINGS)
    assert "mutation" in {proposal.origin for proposal in found}


@pytest.mark.parametrize(
    "scores",
    [lambda _: 0.1, lambda _: 0.0, lambda _: None, lambda genome: 0.1 if sum(genome) % 2 else None],
    ids=["one", "zero", "all fail", "half fail"],
)
def test_scores_that_say_nothing_and_failures_do_not_stop_it(
    scores: Callable[[Genome], float | None],
) -> None:
    settings = replace(SETTINGS, samples=40)
    found = asked(registry.load("strategy", SPEC), score=scores, settings=settings)
    assert len({proposal.genome for proposal in found}) == len(found) == 40


def test_what_is_to_be_minimised_is_minimised() -> None:
    means = []
    for maximise in (False, True):
        objectives = (Objective("accuracy", maximise=maximise),)
        strategy = registry.load("strategy", SPEC)
        found = asked(strategy, settings=SETTINGS, objectives=objectives)
        means.append(np.mean([score(proposal.genome) for proposal in found[30:]]))
    assert means[0] < means[1]


def test_by_levels_it_plans_as_the_hierarchical_strategy_does() -> None:
    mine = registry.load("strategy", "surrogate?levels=true").plan(SPACE, SETTINGS)
    assert mine == registry.load("strategy", "hierarchical").plan(SPACE, SETTINGS)
    (flat,) = registry.load("strategy", "surrogate").plan(SPACE, SETTINGS)
    assert (flat.level, flat.candidates) == (None, 60)


@pytest.mark.parametrize("option", ["first=0", "batch=none", "pool=-3"])
def test_senseless_options_are_named(option: str) -> None:
    with pytest.raises(SpecError, match=f"{option.partition('=')[0]}=.* must be a whole"):
        registry.load("strategy", f"surrogate?{option}")
