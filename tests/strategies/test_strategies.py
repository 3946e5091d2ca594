from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from evo_nas.core.plugins import registry
from evo_nas.errors import BudgetError, SettingsError, SpaceError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal, Scored, StagePlan, pareto_front, rank
from evo_nas.strategies.settings import Settings
from tests.kit.strategies import BUDGET, OBJECTIVES, SETTINGS, SPACE, asked, score, search

GENERATIONAL = ["hierarchical", "spos", "random_search", "distribution", "nsga2"]


@pytest.mark.parametrize("name", GENERATIONAL)
def test_generations_are_full_but_the_last_and_another_seed_gives_another_search(name: str) -> None:
    settings = replace(SETTINGS, samples=33)
    first, second = (search(registry.load("strategy", name), s, settings=settings) for s in (4, 5))
    assert first != second
    assert [len(generation) for generation in first] == [20, 13]


def test_evolution_breeds_from_the_best_so_far() -> None:
    generations = search(registry.load("strategy", "spos"))
    assert {proposal.origin for proposal, _ in generations[0]} == {"random"}
    seen: list[Scored] = []
    for generation in generations:
        best = {s.genome for s in rank(seen, OBJECTIVES)[: SETTINGS.parents]}
        for proposal, _ in generation:
            assert set(proposal.parents) <= best
            if proposal.origin == "crossover":
                assert len(set(proposal.parents)) == 2
        seen += [scored for _, scored in generation]
    origins = [proposal.origin for proposal, _ in generations[1]]
    assert origins.count("crossover") > 5
    assert origins.count("mutation") > 5


def test_evolution_finds_better_genomes_than_random_search() -> None:
    def best(name: str, seed: int) -> float:
        return max(score(p.genome) for p in asked(registry.load("strategy", name), seed))

    evolved = [best("spos", seed) for seed in range(8)]
    random = [best("random_search", seed) for seed in range(8)]
    assert np.mean(evolved) > np.mean(random)


def test_the_end_of_a_small_space_is_a_normal_end() -> None:
    budget = Limit("flops", high=210)
    count = feasible(SPACE, budget).count
    assert count is not None
    assert 20 < count < 120
    assert len(asked(registry.load("strategy", "spos"), budget=budget)) == count


@pytest.mark.parametrize("name", ["spos", "nsga2", "surrogate?first=20&pool=60"])
def test_failed_candidates_are_never_parents(name: str) -> None:
    def fails(genome: Genome) -> bool:
        return genome[0] == 0

    strategy = registry.load("strategy", name)
    proposals = asked(strategy, score=lambda g: None if fails(g) else score(g))
    assert len(proposals) == 120
    assert any(fails(proposal.genome) for proposal in proposals)
    assert not any(fails(parent) for proposal in proposals for parent in proposal.parents)


@pytest.mark.parametrize(
    ("name", "stages"),
    [  # level, candidates, factor of epochs, whether final, whether scored
        ("hierarchical", [(0, 7, 1, False, True), (1, 7, 1, True, True)]),
        ("spos", [(None, 7, 2, True, True)]),
        ("random", [(None, 4, 2, True, False)]),  # retrains what it draws
        ("distribution", [(0, 7, 1, True, True)]),  # is searched by its own cost
    ],
)
def test_plans(name: str, stages: list[tuple[int | None, int, int, bool, bool]]) -> None:
    planned = registry.load("strategy", name).plan(SPACE, Settings(samples=7, finalists=4))
    assert [s.name for s in planned] == [f"stage{i + 1}" for i in range(len(stages))]
    assert {s.finalists for s in planned} == {4}
    told = [(s.level, s.candidates, s.epochs_factor, s.final, s.scored) for s in planned]
    assert told == stages


@pytest.mark.parametrize(
    "budget", [Limit("flops", high=290), Limit("flops", high=333), Limit("flops", 100, 211)]
)
@pytest.mark.parametrize(("name", "end"), [("largest", max), ("smallest", min)])
def test_the_largest_is_the_one_of_highest_cost_that_fits(
    name: str, end: Callable[[Iterable[int]], int], budget: Limit
) -> None:
    strategy, legal = registry.load("strategy", name), feasible(SPACE, budget)
    (stage,) = strategy.plan(SPACE, SETTINGS)
    assert (stage.candidates, stage.finalists, stage.scored) == (1, 1, False)
    strategy.begin(stage, Sampler(legal), SETTINGS, OBJECTIVES)
    (proposal,) = strategy.ask(np.random.default_rng(0))
    assert strategy.ask(np.random.default_rng(1)) == []
    everything = legal.enumerate()
    assert everything
    costs = [SPACE.costs(genome)["flops"] for genome in everything]
    assert SPACE.costs(proposal.genome)["flops"] == end(costs)


def test_the_given_network_is_proposed_if_it_fits() -> None:
    genome = (2, 0, 0) * 5
    name = f"given?genome={','.join(map(str, genome))}"
    free = Limit("flops")
    assert asked(registry.load("strategy", name), budget=free) == [Proposal(genome, "given")]
    strategy = registry.load("strategy", name)
    legal = feasible(SPACE, Limit("flops", low=SPACE.costs(genome)["flops"] + 1))
    strategy.begin(strategy.plan(SPACE, SETTINGS)[0], Sampler(legal), SETTINGS, OBJECTIVES)
    with pytest.raises(BudgetError, match=r"the given network .* breaks a limit"):
        strategy.ask(np.random.default_rng(0))
    with pytest.raises(SpaceError, match="15 genes, this one 1"):
        registry.load("strategy", "given?genome=1").plan(SPACE, SETTINGS)


def test_regularized_evolution_mutates_the_young_and_lets_the_old_die() -> None:
    strategy = registry.load("strategy", "regularized?population=15&sample=15")
    generations = search(strategy)
    assert [len(generation) for generation in generations] == [15] + [1] * 105
    history = [pair for generation in generations for pair in generation]
    for position, (proposal, _) in enumerate(history[15:], start=15):
        young = {scored.genome for _, scored in history[position - 15 : position]}
        assert set(proposal.parents) <= young
        assert proposal.origin in ("mutation", "random")
    bred = [proposal for proposal, _ in history[15:] if proposal.parents]
    changes = [sum(a != b for a, b in zip(p.genome, p.parents[0], strict=True)) for p in bred]
    assert len(bred) > 90
    assert 1 <= np.median(changes) <= 2  # choices that follow from others may change with them


def test_nsga2_finds_a_front_and_retrains_networks_along_it() -> None:
    def trade_off(genome: Genome) -> float:
        return SPACE.costs(genome)["flops"] ** 0.5 + score(genome)

    strategy = registry.load("strategy", "nsga2")
    generations = search(strategy, score=trade_off)
    scored = [s for generation in generations for _, s in generation]
    finalists = strategy.finalists(rank(scored, OBJECTIVES)[:5], 5)
    assert len(finalists) == 5
    for one in finalists:
        assert not any(
            other.flops < one.flops and other.metrics["accuracy"] >= one.metrics["accuracy"]
            for other in scored
        )
    best = max(scored, key=lambda s: s.metrics["accuracy"])
    cheapest = min(scored, key=lambda s: s.flops)
    flops = [one.flops for one in finalists]
    assert max(flops) == best.flops
    assert min(flops) == cheapest.flops
    middle = [f for f in flops if cheapest.flops < f < best.flops]
    assert len(middle) == 3


def test_nsga2_forgets_only_what_can_be_no_finalist() -> None:
    rng, strategy = np.random.default_rng(0), registry.load("strategy", "nsga2")
    stage, sampler = StagePlan("stage1", None, 120, 4), Sampler(feasible(SPACE, BUDGET))
    for most in (5, 20, 1000):  # of FLOPs and accuracies: with many ties, and with few
        strategy.begin(stage, sampler, SETTINGS, OBJECTIVES)
        everything: list[Scored] = []
        for _ in range(12):
            flops, accuracies = rng.integers(most, size=(2, 10)).tolist()
            generation = [
                Scored((len(everything) + i,), f, {"accuracy": a, "loss": 0.0})
                for i, (f, a) in enumerate(zip(flops, accuracies, strict=True))
            ]
            strategy.tell(generation)
            everything += generation
            ranked = rank(everything, OBJECTIVES)
            individuals = [strategy.toolbox.individual(scored) for scored in ranked]
            chosen = {one.genome for one in strategy.toolbox.select(individuals, 4)}
            assert {one.genome for one in strategy.finalists(ranked[:4], 4)} == chosen
        assert len(strategy._contenders) < len(everything) / 2


def test_nsga2_sets_the_first_objective_against_the_one_it_is_told() -> None:
    strategy = registry.load("strategy", "nsga2?against=latency")
    goals = (Objective("accuracy"), Objective("latency", maximise=False))
    strategy.begin(StagePlan("stage1", None, 20, 5), Sampler(feasible(SPACE, BUDGET)), SETTINGS,
                   goals)  # fmt: skip
    genomes = [p.genome for p in strategy.ask(np.random.default_rng(0))][:4]
    # FLOPs would keep the cheapest, whatever its latency.
    values = [(0.9, 5), (0.8, 3), (0.7, 4), (0.6, 1)]
    scored = [
        Scored(genome, 100 - i, {"accuracy": a, "latency": t})
        for i, (genome, (a, t)) in enumerate(zip(genomes, values, strict=True))
    ]
    strategy.tell(scored)
    kept = strategy.finalists(rank(scored, goals)[:3], 3)
    assert [one.metrics["accuracy"] for one in kept] == [0.9, 0.8, 0.6]


@pytest.mark.parametrize(
    ("name", "best", "digest"),
    [
        ("spos", (1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1), "078622ffdb8c"),
        ("hierarchical", (1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1), "078622ffdb8c"),
        ("distribution", (1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1), "078622ffdb8c"),
        ("random_search", (1, 1, 0, 2, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1), "a66d43ea0e6c"),
        ("random", (1, 1, 0, 2, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1), "a66d43ea0e6c"),
        ("nsga2", (1, 1, 0, 2, 0, 0, 1, 2, 1, 1, 1, 1, 1, 0, 1), "e517b41b1e4f"),
        (
            "regularized?population=20&sample=5",
            (1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
            "f9cbfdaf8002",
        ),
        (
            "surrogate?first=20&batch=10&pool=60",
            (1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1),
            "028cd1144663",
        ),
        (
            "ehvi?first=20&batch=10&pool=60",
            (1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 0),
            "31f85946b65b",
        ),
        ("largest", (0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 2, 0), "3aea5ba0d692"),
    ],
)
def test_golden_runs(name: str, best: Genome, digest: str) -> None:
    """What each strategy proposed, in order, with seed 0, when it was written."""
    genomes = [proposal.genome for proposal in asked(registry.load("strategy", name))]
    assert max(genomes, key=score) == best
    assert sha256(repr(genomes).encode()).hexdigest()[:12] == digest


def test_ranks_by_objectives_then_flops_then_genome() -> None:
    def scored(accuracy: float, loss: float, flops: int, *genome: int) -> Scored:
        return Scored(genome, flops, {"accuracy": accuracy, "loss": loss})

    expected = [
        scored(0.9, 2.0, 5, 3),
        scored(0.8, 1.0, 9, 3),
        scored(0.8, 1.5, 4, 3),
        scored(0.8, 1.5, 5, 1),
        scored(0.8, 1.5, 5, 2),
    ]
    shuffled = [expected[i] for i in (3, 0, 4, 2, 1)]
    assert rank([*shuffled, Scored((0,), 0)], OBJECTIVES) == expected


def test_the_pareto_front_is_what_nothing_beats_at_fewer_flops() -> None:
    rng = np.random.default_rng(0)
    accuracy = Objective("accuracy")
    for _ in range(50):
        numbers = rng.integers(0, 6, (12, 2)).tolist()
        ranked = rank(
            (Scored((i,), f, {"accuracy": a / 10}) for i, (a, f) in enumerate(numbers)), [accuracy]
        )
        expected = [
            one
            for one in ranked
            if not any(
                other.metrics["accuracy"] >= one.metrics["accuracy"]
                and other.flops <= one.flops
                and (other.metrics, other.flops) != (one.metrics, one.flops)
                for other in ranked
            )
        ]
        assert pareto_front(ranked, accuracy) == expected


def test_deap_compares_as_rank_does() -> None:
    from evo_nas.strategies.operators import make_toolbox

    rng = np.random.default_rng(0)
    sampler = Sampler(feasible(SPACE, BUDGET))
    toolbox = make_toolbox(sampler, SETTINGS, OBJECTIVES)
    scored = []
    for genome in {sampler.fresh(rng)[0] for _ in range(60)}:
        accuracy, loss, flops = rng.integers(3, size=3).tolist()
        scored.append(Scored(genome, flops, {"accuracy": accuracy, "loss": loss}))
    best = toolbox.select([toolbox.individual(s) for s in scored], 60)
    assert [individual.genome for individual in best] == [
        s.genome for s in rank(scored, OBJECTIVES)
    ]
    numbers = [SPACE.number(s.genome) for s in scored]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    "wrong",
    [{"samples": 0}, {"population": -1}, {"parents": 0}, {"crossover": 40, "mutation": 40},
     {"mutation_rate": 1.5}, {"finalists": 0}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]
