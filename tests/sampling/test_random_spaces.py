"""Budgets and genomes over spaces that nobody has thought of, against enumeration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evo_nas.sampling import tables
from evo_nas.sampling.distribution import crossover, mutation
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.space.space import Choice, Costs, Genome, Geometry, Space
from tests.kit.spaces import all_canonical, chi_square_tail, masses, prior_mass


class Drawn(Space):
    """A space of these choices; each joint value of a slot costs what a hash of it says."""

    name = "drawn"
    target = Geometry(8, 1, 2)

    def __init__(self, choices: Sequence[Choice], unit: int) -> None:
        self.choices, self.unit = tuple(choices), unit

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        number = list(self.slots).index(slot)
        return {
            value: {"flops": self.unit * (hash((number, value, context)) % 23), "params": 1}
            for value in self.slot_values(slot, context)
        }

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        raise NotImplementedError


@st.composite
def spaces(draw: st.DrawFn) -> Drawn:
    """One to five choices, some in slots, some active only under options of earlier ones."""
    choices: list[Choice] = []
    for number in range(draw(st.integers(1, 5))):
        slot = draw(st.sampled_from([None, "s", "t"]))
        parents = [c for c in choices if c.slot in (None, slot)]
        when = {}
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            allowed = draw(st.sets(st.sampled_from(parent.options), min_size=1))
            when = {parent.name: frozenset(allowed)}
        options = tuple(range(draw(st.integers(1, 3))))
        choices.append(Choice(f"c{number}", options, 0, slot, when))
    return Drawn(choices, draw(st.sampled_from([1, 12, 1_000_003])))


@settings(max_examples=60)
@given(space=spaces(), data=st.data())
def test_count_and_share_are_those_of_enumeration_and_no_draw_is_outside(
    space: Drawn, data: st.DataObject
) -> None:
    every = {genome: space.costs(genome)["flops"] for genome in all_canonical(space)}
    low, high = sorted(data.draw(st.sampled_from(sorted(every.values()))) for _ in range(2))
    budget = Limit("flops", low, max(high, 1))
    legal = [genome for genome, cost in every.items() if cost in budget]
    found = feasible(space, budget)
    assert found.count == len(legal)
    assert found.share == pytest.approx(sum(prior_mass(space, genome) for genome in legal))
    assert list(found.enumerate() or ()) == legal
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    first, second = (data.draw(st.sampled_from(legal)) for _ in range(2))
    children = found.prior, mutation(space, first, 0.3), crossover(space, first, second)
    for distribution in children:
        genome = found.draw(distribution, rng)
        assert genome in legal
        assert space.check(genome) == space.canonical(genome) == genome


@settings(max_examples=8)
@given(space=spaces(), data=st.data())
def test_draws_follow_the_conditioned_distribution(space: Drawn, data: st.DataObject) -> None:
    """In spaces of any form, coarsely: many are nearly uniform, where a few uniform draws do not
    show. test_draws and test_sampler see a small share of them, in spaces that are chosen so.
    """
    costs = {genome: space.costs(genome)["flops"] for genome in all_canonical(space)}
    high = max(data.draw(st.sampled_from(sorted(costs.values()))), 1)
    legal = [genome for genome, cost in costs.items() if cost <= high]
    found = feasible(space, Limit("flops", high=high))
    first, second = (data.draw(st.sampled_from(legal)) for _ in range(2))
    rng = np.random.default_rng(0)
    for distribution in (
        found.prior, mutation(space, first, 0.3), crossover(space, first, second),
    ):  # fmt: skip
        expected = masses(space, distribution, legal)
        drawn = Counter(found.draw(distribution, rng) for _ in range(1500))
        assert all(expected[genome] > 0 for genome in drawn)
        assert chi_square_tail(drawn, expected) > 1e-6  # of the many that are looked at, any


@dataclass(frozen=True)
class Sum:
    """What a genome is worth: whole numbers from -3 to 3, one for each slot's value and context."""

    space: Space
    salt: int

    def __call__(self, genome: Genome) -> float:
        return float(sum(self._parts(genome)))

    def _parts(self, genome: Genome) -> Iterator[int]:
        context = tuple(genome[i] for i in self.space.context)
        yield hash((self.salt, context)) % 7 - 3
        for number, positions in enumerate(self.space.slots.values()):
            value = tuple(genome[i] for i in positions)
            yield hash((self.salt, number, value, context)) % 7 - 3


@pytest.mark.parametrize("steps", [tables._MOST_STEPS, 3])
@settings(max_examples=40)
@given(space=spaces(), data=st.data())
def test_the_order_by_a_sum_is_that_of_enumeration_by_exact_and_by_rounded_tables(
    steps: int, space: Drawn, data: st.DataObject
) -> None:
    costs = {genome: space.costs(genome)["flops"] for genome in all_canonical(space)}
    low, high = sorted(data.draw(st.sampled_from(sorted(costs.values()))) for _ in range(2))
    budget = Limit("flops", low, max(high, 1))
    worth = Sum(space, data.draw(st.integers(0, 2**32)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_MOST_STEPS", steps)
        found = list(feasible(space, budget).descending(worth))
    legal = [genome for genome, cost in costs.items() if cost in budget]
    assert sorted(found) == legal
    assert [worth(genome) for genome in found] == sorted(map(worth, legal), reverse=True)
