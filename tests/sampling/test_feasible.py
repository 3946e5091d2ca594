"""What is feasible is what enumeration finds, however a space's costs add up."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.distribution import Distribution, prior
from evo_nas.sampling.exact import ExactFeasible
from evo_nas.sampling.feasible import Feasible, feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.listed import ListedFeasible
from evo_nas.space.space import Genome, Space
from tests.kit.spaces import (
    Merging,
    Tangled,
    TinySpace,
    Uneven,
    all_canonical,
    masses,
)  # fmt: skip

ADDITIVE = {
    "flat": TinySpace(2),
    "context": TinySpace(2, wide=True),
    "odd unit": TinySpace(2, wide=True, unit=1_000_003),
    "three blocks": TinySpace(3),
}
LISTED = {
    "uneven": Uneven(2),
    "uneven context": Uneven(2, wide=True),
    "tangled": Tangled(),
    "merging": Merging(3),
    "stage of merging": Merging(3).stage(0),
    "stage of tangled": Tangled().stage(1, (1, 0, 1, 0, 1, 0, 0, 2, 1)),
    "nothing free": TinySpace(1).stage(1, (2, 0, 0)),
}
SPACES = {**ADDITIVE, **LISTED}
METRICS = ["flops", "params"]


def named(names: dict[str, Space]) -> list[object]:
    slow = [pytest.mark.slow]
    return [pytest.param(n, marks=slow if n in ("three blocks", "merging") else ()) for n in names]


@cache
def every_cost(name: str, metric: str) -> dict[Genome, int]:
    space = SPACES[name]
    return {genome: space.costs(genome)[metric] for genome in all_canonical(space)}


@cache
def shares(name: str) -> dict[Genome, float]:
    """The prior mass of each network, whichever genomes of the space are it."""
    return masses(SPACES[name], prior(SPACES[name]), all_canonical(SPACES[name]))


@st.composite
def limits(draw: st.DrawFn, name: str, metric: str) -> Limit:
    """A window whose ends lie at costs of the space, beside them, or nowhere."""
    near = sorted({c + d for c in every_cost(name, metric).values() for d in (-1, 0, 1) if c + d})
    low, high = sorted(draw(st.sampled_from([-math.inf, *near, math.inf])) for _ in "ab")
    return Limit(metric, min(low, near[-1]), max(high, near[0]))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", named(SPACES))
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_what_is_known_is_what_enumeration_finds(
    name: str, metric: str, data: st.DataObject
) -> None:
    budget, space = data.draw(limits(name, metric)), SPACES[name]
    every = every_cost(name, metric)
    expected = [genome for genome, cost in every.items() if cost in budget]
    found = feasible(space, budget)
    assert isinstance(found, ExactFeasible if name in ADDITIVE else ListedFeasible)
    assert (found.count, found.size) == (len(expected), len(every))
    assert found.share == pytest.approx(sum(shares(name)[genome] for genome in expected))
    assert found.enumerate() == tuple(expected)
    assert [genome for genome in every if found.legal(genome)] == expected
    assert (found.minimum, found.maximum) == (min(every.values()), max(every.values()))
    below = [cost for cost in every.values() if cost < budget.least]
    above = [cost for cost in every.values() if cost > budget.most]
    assert found.nearest() == [*sorted(below)[-1:], *sorted(above)[:1]]
    if expected:
        largest = found.draw_largest(np.random.default_rng(0))
        assert every[largest] == max(every[genome] for genome in expected)
        flops = every_cost(name, "flops")
        dearest, cheapest = found.best(flops.__getitem__), found.best(lambda g: -flops[g])
        assert {dearest, cheapest} <= set(expected)
        assert flops[dearest] == max(flops[genome] for genome in expected)
        assert flops[cheapest] == min(flops[genome] for genome in expected)


@cache
def completions_by_force(space: Space, genome: Genome, cost: str) -> list[int]:
    stage = space.stage(1, genome)
    return [stage.costs(g)[cost] for g in all_canonical(stage)]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", named(ADDITIVE))
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_first_stage_genome_is_legal_when_later_levels_can_complete_it(
    name: str, metric: str, data: st.DataObject
) -> None:
    budget, space = data.draw(limits(name, metric)), SPACES[name]
    stage = space.stage(0)
    expected = [
        genome
        for genome in all_canonical(stage)
        if any(cost in budget for cost in completions_by_force(space, stage.lift(genome), metric))
    ]
    found = feasible(stage, budget, 0)
    assert found.count == len(expected)
    assert found.enumerate() == tuple(expected)
    assert [g for g in all_canonical(stage) if found.legal(g)] == expected
    if expected:  # by its own FLOPs, which need not be those that are limited
        best = found.best(lambda genome: -stage.costs(genome)["flops"])
        assert best in expected
        assert stage.costs(best)["flops"] == min(stage.costs(g)["flops"] for g in expected)


def test_levels_of_a_space_whose_costs_do_not_add_up_are_met_by_their_own_costs() -> None:
    root = Uneven(2)
    stage, budget = root.stage(0), Limit("flops", high=100)
    legal = feasible(stage, budget, 0)
    assert isinstance(legal, ListedFeasible)
    expected = [g for g in all_canonical(stage) if stage.costs(g)["flops"] in budget]
    assert list(legal.enumerate()) == expected
    assert 0 < len(expected) < len(all_canonical(stage))


@pytest.mark.parametrize(
    ("space", "budget", "said"),
    [
        (TinySpace(3), Limit("flops", high=30), "67"),  # of three "c": 10 + 20 + 30, and 7
        (TinySpace(3), Limit("flops", 10_000, 20_000), "547"),
        (TinySpace(3), Limit("flops", 68, 70), "67 and 87"),
        (Tangled(), Limit("flops", 1, 2), str(min(every_cost("tangled", "flops").values()))),
    ],
)
def test_an_impossible_budget_names_the_nearest_reachable(
    space: Space, budget: Limit, said: str
) -> None:
    found = feasible(space, budget)
    assert (found.count, found.share) == (0, 0)
    with pytest.raises(BudgetError, match=f"no network of tiny meets .* reachable is {said};"):
        found.require()
    with pytest.raises(BudgetError, match="widen the budget"):
        found.draw(found.prior, np.random.default_rng(0))
    feasible(space, Limit("flops", high=10**25)).require()


@pytest.mark.parametrize(("limit", "most"), [("_MOST_STEPS", 7), ("_MOST_WORK", 130)])
def test_too_many_steps_fall_back_to_rounding_with_a_check(
    limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"evo_nas.sampling.tables.{limit}", most)
    space, budget = TinySpace(3), Limit("flops", 180, 250)
    found = feasible(space, budget)
    assert isinstance(found, ExactFeasible)
    assert not any(context.table.exact for context in found._contexts)
    expected = {g for g, cost in every_cost("three blocks", "flops").items() if cost in budget}
    assert found.count is not None
    assert found.count >= len(expected)
    rng = np.random.default_rng(0)
    drawn = {found.draw(found.prior, rng) for _ in range(500)}
    assert drawn <= expected
    assert len(drawn) > len(expected) / 2
    assert found.enumerate() == tuple(sorted(expected))
    assert found.best(sum) in expected


def test_costs_that_do_not_add_up_are_met_by_bounded_rejection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 999)
    space = Uneven(3)
    found = feasible(space, Limit("flops", high=200))
    assert type(found) is Feasible
    assert found.count is None
    rng = np.random.default_rng(0)
    assert all(space.costs(found.draw(found.prior, rng))["flops"] <= 200 for _ in range(50))
    with pytest.raises(BudgetError, match="widen the budget"):
        feasible(space, Limit("flops", high=1)).draw(found.prior, rng)


def test_a_distribution_that_meets_no_legal_genome_is_said_to() -> None:
    found = feasible(Uneven(1), Limit("flops", 130, 10**6))
    never = Distribution([[0, 0, 1], [1, 0, 0], [1, 0]])  # "c", the smallest
    with pytest.raises(BudgetError, match="can be drawn"):
        found.draw(never, np.random.default_rng(0))


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
    with pytest.raises(BudgetError, match="the nearest reachable is"):
        feasible(Merging(3), Limit("flops", 1, 2)).require()


def test_many_choices_without_slots_are_told_from_few() -> None:
    class Flat(Uneven):
        """All choices are context, far too many to go through."""

        def __init__(self, choices: int) -> None:
            super().__init__(0)
            (three,) = (c for c in Tangled().choices if c.name == "pool")
            self.choices = tuple(type(three)(f"c{i}", three.options) for i in range(choices))

        def costs(self, genome: object) -> dict[str, int]:  # type: ignore[override]
            return {"flops": sum(genome) ** 2 + 1, "params": 0}  # type: ignore[call-overload]

    assert feasible(Flat(5), Limit("flops", high=5)).count == 1 + 5 + (5 + 10)
    large = feasible(Flat(60), Limit("flops", high=2500))
    assert large.count is None
    genome = large.draw(large.prior, np.random.default_rng(0))
    assert sum(genome) <= 50


def test_many_budgets_at_once_agree_on_their_union() -> None:
    edges = itertools.pairwise([0, 100, 200, 300, 400, 10_000])
    counts = [feasible(TinySpace(3), Limit("flops", low + 1, high)).count for low, high in edges]
    assert sum(c or 0 for c in counts) == len(all_canonical(TinySpace(3)))
