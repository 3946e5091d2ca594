"""Finalists by an additive model: it sees through noise, and its optimum is that of enumeration."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.stats import kendalltau

from evo_nas.core.plugins import registry
from evo_nas.errors import SpecError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome
from evo_nas.strategies.additive import MODEL, OPTIMUM, AdditiveFinalists, AdditiveModel
from evo_nas.strategies.base import BY_SCORE, Scored, rank
from evo_nas.strategies.settings import Settings
from tests.kit.spaces import Tangled, TinySpace, all_canonical
from tests.kit.strategies import BUDGET, OBJECTIVES, search

SPACE = TinySpace(3)  # little enough to look at all of it
LEGAL = feasible(SPACE, Limit("flops", high=300))
EVERY = [genome for genome in all_canonical(SPACE) if LEGAL.legal(genome)]
ACCURACY = OBJECTIVES[:1]
TAU, HALVES = (
    "Kendall's tau, additive model on unseen scores",
    "Kendall's tau, one half of the scores on the other",
)


def truth(genome: Genome) -> float:
    """Each choice adds something, of which a table of numbers knows how much."""
    active = zip(genome, TinySpace(len(genome) // 3).active(genome), strict=True)
    return sum(np.sin(7 * i + 3 * gene) / 10 for i, (gene, on) in enumerate(active) if on)


def drawn(count: int, seed: int = 0) -> list[Genome]:
    sampler, rng = Sampler(LEGAL), np.random.default_rng(seed)
    return [sampler.fresh(rng)[0] for _ in range(count)]


def noisy(genomes: Sequence[Genome], noise: float = 0.2) -> list[Scored]:
    rng = np.random.default_rng(1)
    found = []
    for genome in genomes:
        even, odd = truth(genome) + noise * rng.standard_normal(2)
        metrics = {"accuracy": (even + odd) / 2, "accuracy_even": even, "accuracy_odd": odd}
        found.append(Scored(genome, SPACE.costs(genome)["flops"], metrics))
    return found


def chooser(
    scored: Sequence[Scored], objectives: Sequence[Objective] = ACCURACY
) -> AdditiveFinalists:
    made = AdditiveFinalists(Sampler(LEGAL), objectives)
    for start in range(0, len(scored), 50):  # generations
        made.tell(scored[start : start + 50])
    return made


def test_the_model_orders_networks_better_than_the_scores_that_it_learned_from() -> None:
    genomes = drawn(300)
    scores = [one.metrics["accuracy"] for one in noisy(genomes)]
    model = AdditiveModel(SPACE, genomes, np.array(scores))
    true = [truth(genome) for genome in genomes]
    by_model = kendalltau([model.worth(genome) for genome in genomes], true).statistic
    assert by_model > kendalltau(scores, true).statistic + 0.2
    assert model.tau is not None
    assert 0 < model.tau < by_model  # on what is as noisy as what it learned from


def test_finalists_are_the_best_by_the_model_and_its_optimum_which_nobody_scored() -> None:
    scored = noisy(drawn(60))
    genomes = [one.genome for one in scored]
    model = AdditiveModel(SPACE, genomes, np.array([s.metrics["accuracy"] for s in scored]))
    *others, optimum = chooser(scored).choose(rank(scored, ACCURACY), 4)
    assert {one.origin for one in others} == {MODEL}
    by_model = sorted(genomes, key=model.worth, reverse=True)
    assert [one.genome for one in others] == by_model[:3]
    assert optimum.origin == OPTIMUM
    assert optimum.genome in EVERY
    assert model.worth(optimum.genome) == max(map(model.worth, EVERY))
    assert optimum.genome not in genomes
    assert optimum.flops == SPACE.costs(optimum.genome)["flops"]


def test_an_optimum_that_was_scored_is_a_finalist_once_and_one_that_failed_is_none() -> None:
    scored = noisy(EVERY, noise=0)
    *_, best = chooser(scored).choose([], 3)
    assert best.origin == OPTIMUM
    chosen = [one.genome for one in chooser(scored).choose([], 3)]
    assert len(set(chosen)) == 3
    left = [one for one in scored if one.genome != best.genome]
    for lost in (Scored(best.genome, 0), Scored(best.genome, 0, {"accuracy": 9.0}, accepted=False)):
        chosen = [one.genome for one in chooser([lost, *left]).choose([], 3)]
        assert best.genome not in chosen
        assert len(set(chosen)) == 3


def _genome(scored: Scored) -> Genome:
    return scored.genome


def test_how_well_the_model_and_the_scores_predict_is_told() -> None:
    made = chooser(noisy(drawn(300)))
    made.choose([], 5)
    assert 0.2 < made.findings[HALVES] < made.findings[TAU] < 0.9
    unsplit = [
        Scored(s.genome, s.flops, {"accuracy": 1.0 + i}) for i, s in enumerate(noisy(drawn(20)))
    ]
    made = chooser(unsplit)
    made.choose(unsplit, 5)
    assert HALVES not in made.findings


@pytest.mark.parametrize(
    ("score", "count", "why"),
    [
        (lambda i: 0.5, 40, "no better than chance"),
        (float, 9, "fewer than 10 scores"),
        (lambda i: float((i * 7919) % 31), 40, "no better than chance"),
    ],
    ids=["constant", "few", "noise alone"],
)
def test_where_a_model_says_nothing_the_scores_decide(
    score: Callable[[int], float], count: int, why: str
) -> None:
    scored = [Scored(g, 0, {"accuracy": score(i)}) for i, g in enumerate(drawn(count))]
    best = rank(scored, ACCURACY)[:5]
    made = chooser(scored)
    assert made.choose(best, 5) == best
    assert why in str(made.findings["additive model"])


def test_fewer_scores_than_options_and_options_never_scored_are_well_defined() -> None:
    scored = [one for one in noisy(drawn(60), noise=0) if one.genome[0] == 0][:12]
    assert len(scored) == 12
    chosen = chooser(scored).choose(rank(scored, ACCURACY), 3)
    assert len({one.genome for one in chosen}) == 3
    assert all(LEGAL.legal(one.genome) for one in chosen)


def test_less_of_a_loss_is_better_and_disasters_do_not_decide() -> None:
    scored = noisy(drawn(200))
    up = chooser(scored).choose([], 5)
    down = [Scored(s.genome, s.flops, {"loss": -s.metrics["accuracy"]}) for s in scored]
    loss = [Objective("loss", maximise=False)]
    assert [s.genome for s in chooser(down, loss).choose([], 5)] == [s.genome for s in up]
    worst = min(down, key=lambda s: -s.metrics["loss"])
    broken = [s if s is not worst else Scored(s.genome, s.flops, {"loss": 1e4}) for s in down]
    assert [s.genome for s in chooser(broken, loss).choose([], 5)] == [s.genome for s in up]


def test_one_finalist_is_the_best_by_the_model_of_those_scored() -> None:
    scored = noisy(drawn(60))
    (only,) = chooser(scored).choose([], 1)
    assert only.origin == MODEL
    assert only.genome in map(_genome, scored)


def test_where_costs_do_not_add_up_it_is_told_that_there_is_no_optimum() -> None:
    space = Tangled(6)
    legal = feasible(space, BUDGET)
    rng, sampler = np.random.default_rng(0), Sampler(legal)
    scored = []
    for _ in range(40):
        genome, _ = sampler.fresh(rng)
        scored.append(Scored(genome, 0, {"accuracy": float(sum(genome))}))
    made = AdditiveFinalists(sampler, ACCURACY)
    made.tell(scored)
    assert {one.origin for one in made.choose([], 4)} == {MODEL}
    assert "do not add up" in str(made.findings[OPTIMUM])


@pytest.mark.parametrize(
    "name",
    [
        "hierarchical",
        "spos",
        "random_search",
        "distribution",
        "regularized?population=20",
        "surrogate",
    ],
)
def test_strategies_that_score_take_the_option_and_search_as_without_it(name: str) -> None:
    settings = Settings(samples=60, population=20, parents=5, crossover=10, mutation=10)
    asked, chosen = [], []
    for by in ("scores", "additive"):
        strategy = registry.load("strategy", registry.with_option(name, "finalists", by))
        generations = search(strategy, score=truth, settings=settings, objectives=ACCURACY)
        asked.append([proposal for each in generations for proposal, _ in each])
        best = rank((scored for each in generations for _, scored in each), ACCURACY)[:3]
        chosen.append([one.origin for one in strategy.finalists(best, 3)])
        assert (TAU in strategy.findings()) == (by == "additive")
    assert asked[0] == asked[1]
    assert chosen == [[BY_SCORE] * 3, [MODEL, MODEL, OPTIMUM]]


@pytest.mark.parametrize("name", ["random", "largest", "nsga2"])
def test_strategies_that_choose_otherwise_do_not(name: str) -> None:
    with pytest.raises(SpecError, match="no option 'finalists'"):
        registry.load("strategy", f"{name}?finalists=additive")
