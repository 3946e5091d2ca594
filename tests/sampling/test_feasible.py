import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.distribution import crossover, mutation
from evo_nas.sampling.feasible import ExactFeasible, Feasible, RejectionFeasible, feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.slots import Completions
from evo_nas.space.space import Genome, Space
from tests.kit.spaces import TinySpace, Uneven, all_canonical, prior_mass

SPACES = {
    "flat": TinySpace(2),
    "context": TinySpace(2, wide=True),
    "odd unit": TinySpace(2, wide=True, unit=1_000_003),
    "three blocks": TinySpace(3),
}
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "three blocks" else [])
    for name in SPACES
]
BUDGETS = st.tuples(st.integers(0, 700), st.integers(0, 700)).map(
    lambda b: Limit("flops", min(b), max(b))
)


def legal_by_force(space: Space, budget: Limit) -> list[Genome]:
    return [g for g in all_canonical(space) if space.costs(g)[budget.metric] in budget]


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=30)
@given(budget=BUDGETS)
def test_count_share_and_genomes_are_exact(name: str, budget: Limit) -> None:
    space = SPACES[name]
    if name == "odd unit":
        budget = Limit("flops", budget.low * 100_000, budget.most * 100_000)
    expected = legal_by_force(space, budget)
    found = feasible(space, budget)
    assert isinstance(found, ExactFeasible)
    assert found.count == len(expected)
    assert found.size == len(all_canonical(space))
    assert found.share == pytest.approx(sum(prior_mass(space, g) for g in expected))
    assert found.enumerate() == tuple(expected)
    assert [g for g in all_canonical(space) if found.legal(g)] == expected


@cache
def completions_by_force(space: Space, genome: Genome, cost: str = "flops") -> list[int]:
    stage = space.stage(1, genome)
    return [stage.costs(g)[cost] for g in all_canonical(stage)]


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=30)
@given(budget=BUDGETS)
def test_a_first_stage_genome_is_legal_when_later_levels_can_complete_it(
    name: str, budget: Limit
) -> None:
    space = SPACES[name]
    if name == "odd unit":
        budget = Limit("flops", budget.low * 100_000, budget.most * 100_000)
    stage = space.stage(0)
    expected = [
        genome
        for genome in all_canonical(stage)
        if any(cost in budget for cost in completions_by_force(space, stage.lift(genome)))
    ]
    found = feasible(stage, budget, Completions(space, 0))
    assert found.count == len(expected)
    assert found.enumerate() == tuple(expected)
    assert [g for g in all_canonical(stage) if found.legal(g)] == expected


PARAMETERS = st.tuples(st.integers(0, 45), st.integers(0, 45)).map(
    lambda b: Limit("params", min(b), max(b))
)


@pytest.mark.parametrize("name", ["flat", "context"])
@settings(deadline=None, max_examples=30)
@given(budget=PARAMETERS)
def test_another_cost_is_met_as_exactly(name: str, budget: Limit) -> None:
    space, stage = SPACES[name], SPACES[name].stage(0)
    expected = legal_by_force(space, budget)
    found = feasible(space, budget)
    assert isinstance(found, ExactFeasible)
    assert found.enumerate() == tuple(expected)
    assert found.share == pytest.approx(sum(prior_mass(space, g) for g in expected))
    completable = [
        genome
        for genome in all_canonical(stage)
        if any(cost in budget for cost in completions_by_force(space, stage.lift(genome), "params"))
    ]
    found = feasible(stage, budget, Completions(space, 0, "params"))
    assert found.enumerate() == tuple(completable)
    assert [g for g in all_canonical(stage) if found.legal(g)] == completable


@pytest.mark.parametrize("low", [0, 200])
def test_without_an_upper_limit_everything_above_the_lower_is_legal(low: int) -> None:
    space, stage = SPACES["flat"], SPACES["flat"].stage(0)
    budget = Limit("flops", low)
    found = feasible(space, budget)
    assert found.enumerate() == tuple(legal_by_force(space, budget))
    assert space.costs(found.draw_largest(np.random.default_rng(0)))["flops"] == found.maximum
    open_ended = feasible(stage, budget, Completions(space, 0))
    assert [g for g in all_canonical(stage) if open_ended.legal(g)] == [
        g for g in all_canonical(stage) if max(completions_by_force(space, stage.lift(g))) >= low
    ]


def chi_square(found: Feasible, distribution: object, expected: dict[Genome, float]) -> float:
    rng = np.random.default_rng(3)
    draws = 4000
    counts = dict.fromkeys(expected, 0)
    for _ in range(draws):
        counts[found.draw(distribution, rng)] += 1  # type: ignore[arg-type]
    return sum((counts[g] - draws * p) ** 2 / (draws * p) for g, p in expected.items())


@pytest.mark.parametrize(
    "budget", [Limit("flops", high=200), Limit("flops", 150, 300), Limit("flops", 300, 330)]
)
def test_draws_follow_the_conditioned_distribution(budget: Limit) -> None:
    space = TinySpace(2, wide=True)
    found = feasible(space, budget)
    legal = legal_by_force(space, budget)
    parents = legal[0], legal[-1]
    distributions = {
        "prior": found.prior,
        "mutation": mutation(space, parents[0], 0.4),
        "crossover": crossover(space, *parents),
    }
    for distribution in distributions.values():
        masses = {}
        for genome in legal:
            active = zip(distribution.probabilities, genome, space.active(genome), strict=True)
            masses[genome] = float(np.prod([p[gene] for p, gene, on in active if on]))
        total = sum(masses.values())
        expected = {genome: mass / total for genome, mass in masses.items() if mass > 0}
        degrees = len(expected) - 1
        # Far in the tail: mean + 5 standard deviations of the chi-square distribution.
        assert chi_square(found, distribution, expected) < degrees + 5 * (2 * degrees) ** 0.5 + 5


def test_draws_while_later_levels_are_open_follow_the_conditioned_prior() -> None:
    space = TinySpace(3)
    stage = space.stage(0)
    found = feasible(stage, Limit("flops", 250, 260), Completions(space, 0))
    legal = found.enumerate()
    assert legal is not None
    assert 1 < len(legal) < 27
    expected = {genome: 1 / len(legal) for genome in legal}
    assert chi_square(found, found.prior, expected) < 3 * len(legal) + 10


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (
            Limit("flops", high=30),
            "nearest reachable is 67",
        ),  # three slots of "c": 10 + 20 + 30, and 7
        (Limit("flops", 10_000, 20_000), "nearest reachable is 547"),
        (Limit("flops", 68, 70), "nearest reachable is 67 and 87"),
    ],
)
def test_an_impossible_budget_names_the_nearest_reachable(budget: Limit, said: str) -> None:
    found = feasible(TinySpace(3), budget)
    assert found.count == 0
    with pytest.raises(BudgetError, match=said):
        found.require()


@pytest.mark.parametrize(("limit", "most"), [("_MOST_STEPS", 7), ("_MOST_WORK", 130)])
def test_too_many_steps_fall_back_to_rounding_with_a_check(
    limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"evo_nas.sampling.tables.{limit}", most)
    space = TinySpace(3)
    budget = Limit("flops", 180, 250)
    found = feasible(space, budget)
    assert isinstance(found, ExactFeasible)
    assert not any(context.table.exact for context in found._contexts)
    expected = set(legal_by_force(space, budget))
    assert found.count is not None
    assert found.count >= len(expected)
    rng = np.random.default_rng(0)
    drawn = {found.draw(found.prior, rng) for _ in range(500)}
    assert drawn <= expected
    assert len(drawn) > len(expected) / 2
    assert found.enumerate() == tuple(sorted(expected))


def test_costs_that_do_not_add_up_are_met_by_bounded_rejection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 999)
    space = Uneven(3)
    found = feasible(space, Limit("flops", high=200))
    assert isinstance(found, RejectionFeasible)
    assert found.count is None
    rng = np.random.default_rng(0)
    assert all(space.costs(found.draw(found.prior, rng))["flops"] <= 200 for _ in range(50))
    with pytest.raises(BudgetError, match="widen the budget"):
        feasible(space, Limit("flops", high=1)).draw(found.prior, rng)


def test_uniform_draws_do_not_follow_the_prior() -> None:
    space = TinySpace(1)
    found = feasible(space, Limit("flops", high=10**6))
    rng = np.random.default_rng(0)
    drawn = [found.draw_uniform(rng) for _ in range(3000)]
    shares = [drawn.count(genome) / 3000 for genome in all_canonical(space)]
    assert all(abs(share - 0.1) < 0.03 for share in shares)


def test_many_budgets_at_once_agree_on_their_union() -> None:
    space = TinySpace(3)
    edges = [0, 100, 200, 300, 400, 10_000]
    counts = [
        feasible(space, Limit("flops", low + 1, high)).count
        for low, high in itertools.pairwise(edges)
    ]
    assert sum(c or 0 for c in counts) == len(all_canonical(space))
