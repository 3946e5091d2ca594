from collections.abc import Callable

import numpy as np
import pytest

from evo_nas import registry
from evo_nas.budget import Budget
from evo_nas.errors import SettingsError
from evo_nas.evaluator import Objective
from evo_nas.feasible import feasible
from evo_nas.sampling import Sampler
from evo_nas.space import Genome
from evo_nas.strategy import Proposal, Scored, Settings, StagePlan, Strategy, genome_number, rank
from tests.spacekit import TinySpace

SPACE = TinySpace(5)
BUDGET = Budget(0, 500)
OBJECTIVES = (Objective("accuracy"), Objective("loss", maximise=False))
SETTINGS = Settings(samples=120, population=20, parents=5, crossover=10, mutation=10)


def score(genome: Genome) -> float:
    return -sum(abs(gene - 1) for gene in genome) / 10


def search(
    strategy: Strategy,
    seed: int = 0,
    budget: Budget = BUDGET,
    score: Callable[[Genome], float] = score,
    settings: Settings = SETTINGS,
) -> list[list[tuple[Proposal, Scored]]]:
    stage = StagePlan("stage1", None, settings.samples, 5)
    strategy.begin(stage, Sampler(feasible(SPACE, budget)), settings, OBJECTIVES)
    generations = []
    while proposals := strategy.ask(np.random.default_rng([seed, len(generations)])):
        scored = [
            Scored(
                p.genome, SPACE.costs(p.genome)["flops"], {"accuracy": score(p.genome), "loss": 0.0}
            )
            for p in proposals
        ]
        strategy.tell(scored)
        generations.append(list(zip(proposals, scored, strict=True)))
    return generations


@pytest.mark.parametrize("name", ["hierarchical", "spos", "random"])
def test_every_strategy_proposes_legal_new_genomes_until_its_candidates_are_used_up(
    name: str,
) -> None:
    generations = search(registry.load("strategy", name))
    genomes = [proposal.genome for generation in generations for proposal, _ in generation]
    assert [len(generation) for generation in generations] == [20] * 6
    assert len(set(genomes)) == len(genomes)
    assert all(SPACE.costs(genome)["flops"] in BUDGET for genome in genomes)
    assert all(SPACE.canonical(genome) == genome for genome in genomes)


@pytest.mark.parametrize("name", ["hierarchical", "spos", "random"])
def test_the_same_seed_gives_the_same_search(name: str) -> None:
    first, second = (search(registry.load("strategy", name), seed=4) for _ in range(2))
    assert first == second
    assert first != search(registry.load("strategy", name), seed=5)


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
        generations = search(registry.load("strategy", name), seed)
        return max(s.metrics["accuracy"] for g in generations for _, s in g)

    evolved = [best("spos", seed) for seed in range(8)]
    random = [best("random", seed) for seed in range(8)]
    assert np.mean(evolved) > np.mean(random)


def test_the_end_of_a_small_space_is_a_normal_end() -> None:
    generations = search(registry.load("strategy", "spos"), budget=Budget(0, 210))
    legal = feasible(SPACE, Budget(0, 210))
    assert legal.count is not None
    assert 20 < legal.count < 120
    assert sum(map(len, generations)) == legal.count


def test_the_last_generation_is_cut_to_the_candidates_that_are_left() -> None:
    settings = Settings(samples=33, population=20, parents=5, crossover=10, mutation=10)
    generations = search(registry.load("strategy", "spos"), settings=settings)
    assert [len(generation) for generation in generations] == [20, 13]


def test_failed_candidates_are_never_parents() -> None:
    strategy = registry.load("strategy", "spos")
    stage = StagePlan("stage1", None, 60, 5)
    strategy.begin(stage, Sampler(feasible(SPACE, BUDGET)), SETTINGS, OBJECTIVES)
    proposals = strategy.ask(np.random.default_rng(0))
    scored = [Scored(p.genome, 1, {"accuracy": 0.5, "loss": 0.0}) for p in proposals]
    failed = {p.genome for p in proposals[::2]}
    strategy.tell([s if s.genome not in failed else Scored(s.genome, 1) for s in scored])
    for proposal in strategy.ask(np.random.default_rng(1)):
        assert not failed & set(proposal.parents)


def test_plans() -> None:
    settings = Settings(samples=7, finalists=2)
    stages = registry.load("strategy", "hierarchical").plan(SPACE, settings)
    assert [(s.name, s.level, s.candidates, s.final) for s in stages] == [
        ("stage1", 0, 7, False),
        ("stage2", 1, 7, True),
    ]
    (flat,) = registry.load("strategy", "spos").plan(SPACE, settings)
    assert (flat.level, flat.epochs_factor, flat.final) == (None, 2, True)


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


def test_deap_compares_as_rank_does() -> None:
    from evo_nas.operators import make_toolbox

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
    numbers = [genome_number(SPACE, s.genome) for s in scored]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    "wrong",
    [{"samples": 0}, {"population": -1}, {"parents": 0}, {"crossover": 40, "mutation": 40},
     {"mutation_rate": 1.5}, {"finalists": 0}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]
