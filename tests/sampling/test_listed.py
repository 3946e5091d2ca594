from __future__ import annotations

import itertools
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.distribution import Distribution, crossover, mutation, prior
from evo_nas.sampling.feasible import ExactFeasible, ListedFeasible, feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.slots import Completions
from evo_nas.space.space import Genome, Space
from tests.kit.spaces import Merging, Tangled, TinySpace, Uneven, all_canonical

SPACES = {
    "uneven": Uneven(2),
    "uneven context": Uneven(2, wide=True),
    "tangled": Tangled(),
    "merging": Merging(3),
    "stage of merging": Merging(3).stage(0),
    "stage of tangled": Tangled().stage(1, (1, 0, 1, 0, 1, 0, 0, 2, 1)),
    "nothing free": TinySpace(1).stage(1, (2, 0, 0)),
}
BUDGETS = st.tuples(st.integers(0, 700), st.integers(0, 700)).map(
    lambda b: Limit("flops", min(b), max(b))
)


def masses(space: Space, distribution: Distribution) -> dict[Genome, float]:
    """The probability of each canonical genome, from the definition and by brute force."""
    found: dict[Genome, float] = defaultdict(float)
    for genes in space.partial_genomes(range(len(space.choices)), {}):
        genome = tuple(genes[i] for i in range(len(space.choices)))
        active = [space.is_active_under(i, genes) for i in range(len(genome))]
        factors = zip(distribution.probabilities, genome, active, strict=True)
        mass = np.prod([vector[gene] for vector, gene, on in factors if on])
        found[space.canonical(genome)] += float(mass)
    return found


@cache
def every_cost(name: str) -> dict[Genome, int]:
    return {genome: SPACES[name].costs(genome)["flops"] for genome in all_canonical(SPACES[name])}


@cache
def prior_masses(name: str) -> dict[Genome, float]:
    return masses(SPACES[name], prior(SPACES[name]))


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=40)
@given(budget=BUDGETS)
def test_count_share_and_genomes_are_exact(name: str, budget: Limit) -> None:
    space, every = SPACES[name], every_cost(name)
    expected = [genome for genome, cost in every.items() if cost in budget]
    found = feasible(space, budget)
    assert isinstance(found, ListedFeasible)
    assert (found.count, found.size) == (len(expected), len(every))
    assert found.share == pytest.approx(sum(prior_masses(name)[genome] for genome in expected))
    assert found.enumerate() == tuple(expected)
    assert [genome for genome in every if found.legal(genome)] == expected
    assert (found.minimum, found.maximum) == (min(every.values()), max(every.values()))
    below = [cost for cost in every.values() if cost < budget.low]
    above = [cost for cost in every.values() if cost > budget.most]
    assert found.nearest() == [*([max(below)] if below else []), *([min(above)] if above else [])]


def chi_square_is_small(drawn: list[Genome], expected: dict[Genome, float]) -> bool:
    counts = dict.fromkeys(expected, 0)
    for genome in drawn:
        counts[genome] += 1  # a genome that cannot be drawn is a KeyError
    total = sum(
        (counts[genome] - len(drawn) * mass) ** 2 / (len(drawn) * mass)
        for genome, mass in expected.items()
    )
    degrees = len(expected) - 1
    # Far in the tail: mean + 5 standard deviations of the chi-square distribution.
    return total < degrees + 5 * (2 * degrees) ** 0.5 + 5


@pytest.mark.parametrize("name", ["uneven context", "tangled", "merging", "stage of merging"])
def test_draws_follow_the_conditioned_distribution(name: str) -> None:
    space = SPACES[name]
    found = feasible(space, Limit("flops", 60, 200))
    legal = found.enumerate()
    assert legal is not None
    assert 5 < len(legal) < len(all_canonical(space))
    rng = np.random.default_rng(3)
    for distribution in (
        found.prior,
        mutation(space, legal[1], 0.4),
        crossover(space, legal[0], legal[-1]),
    ):
        every = masses(space, distribution)
        total = sum(every[genome] for genome in legal)
        expected = {genome: every[genome] / total for genome in legal if every[genome] > 0}
        assert chi_square_is_small([found.draw(distribution, rng) for _ in range(4000)], expected)
    uniform = dict.fromkeys(legal, 1 / len(legal))
    assert chi_square_is_small([found.draw_uniform(rng) for _ in range(4000)], uniform)


def test_the_largest_are_drawn_from_the_prior_among_them() -> None:
    space = SPACES["merging"]
    found = feasible(space, Limit("flops", high=150))
    legal = found.enumerate()
    assert legal is not None
    highest = max(space.costs(genome)["flops"] for genome in legal)
    largest = [genome for genome in legal if space.costs(genome)["flops"] == highest]
    assert len(largest) > 1
    every = masses(space, found.prior)
    total = sum(every[genome] for genome in largest)
    expected = {genome: every[genome] / total for genome in largest}
    rng = np.random.default_rng(4)
    assert chi_square_is_small([found.draw_largest(rng) for _ in range(2000)], expected)


def test_an_impossible_budget_names_the_nearest_reachable() -> None:
    space = SPACES["tangled"]
    found = feasible(space, Limit("flops", 1, 2))
    assert (found.count, found.share) == (0, 0)
    lowest = min(space.costs(genome)["flops"] for genome in all_canonical(space))
    with pytest.raises(BudgetError, match=f"no network of tiny meets .* reachable is {lowest};"):
        found.require()
    with pytest.raises(BudgetError, match="widen the budget"):
        found.draw(found.prior, np.random.default_rng(0))
    feasible(space, Limit("flops", high=10**25)).require()


def test_a_distribution_that_meets_no_legal_genome_is_said_to() -> None:
    space = Uneven(1)
    found = feasible(space, Limit("flops", 130, 10**6))
    never = Distribution([[0, 0, 1], [1, 0, 0], [1, 0]])  # "c", the smallest
    with pytest.raises(BudgetError, match="can be drawn"):
        found.draw(never, np.random.default_rng(0))


def test_what_adds_up_and_merges_nothing_is_not_listed() -> None:
    assert isinstance(feasible(TinySpace(3), Limit("flops", high=200)), ExactFeasible)


def test_a_large_space_that_merges_genomes_is_exact_but_for_its_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = feasible(Merging(3), Limit("flops", 60, 150))
    monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 999)
    found = feasible(Merging(3), Limit("flops", 60, 150))
    assert isinstance(found, ExactFeasible)
    assert (found.count, found.size) == (None, None)
    assert found.share == pytest.approx(listed.share)
    assert (found.minimum, found.maximum) == (listed.minimum, listed.maximum)
    every = masses(found.space, found.prior)
    assert listed.share is not None
    expected = {genome: every[genome] / listed.share for genome in listed.enumerate() or ()}
    rng = np.random.default_rng(5)
    assert chi_square_is_small([found.draw(found.prior, rng) for _ in range(4000)], expected)
    with pytest.raises(BudgetError, match="the nearest reachable is"):
        feasible(Merging(3), Limit("flops", 1, 2)).require()


def test_many_choices_without_slots_are_told_from_few(monkeypatch: pytest.MonkeyPatch) -> None:
    class Flat(Uneven):
        """All choices are context, far too many to go through."""

        def __init__(self, choices: int) -> None:
            super().__init__(0)
            self.choices = tuple(Tangled().choices[-1:] * 0) + tuple(
                type(c)(f"c{i}", c.options)
                for i, c in enumerate(itertools.repeat(Tangled().choices[-2], choices))
            )

        def costs(self, genome: object) -> dict[str, int]:  # type: ignore[override]
            return {"flops": sum(genome) ** 2 + 1, "params": 0}  # type: ignore[call-overload]

    assert feasible(Flat(5), Limit("flops", high=5)).count == 1 + 5 + (5 + 10)
    large = feasible(Flat(60), Limit("flops", high=2500))
    assert large.count is None
    genome = large.draw(large.prior, np.random.default_rng(0))
    assert sum(genome) <= 50


def test_levels_of_a_space_whose_costs_do_not_add_up_are_met_by_their_own_costs() -> None:
    root = Uneven(2)
    assert root.levels == (0, 1)
    stage, budget = root.stage(0), Limit("flops", high=100)
    legal = feasible(stage, budget, Completions(root, 0))
    assert isinstance(legal, ListedFeasible)
    expected = [g for g in all_canonical(stage) if stage.costs(g)["flops"] in budget]
    assert list(legal.enumerate()) == expected
    assert 0 < len(expected) < len(all_canonical(stage))
