"""All pairs of values meet in some genome, whatever the sizes of slots; the extremes are those."""

from __future__ import annotations

from itertools import combinations, islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.space.choices import Choice
from evo_nas.space.coverage import extremes, pairs, representative
from tests.kit.spaces import Merging, TinySpace, Uneven, all_canonical


def sized(sizes: list[int], contexts: int) -> TinySpace:
    """A space whose slots have so many values, with a context choice of so many options."""
    space = TinySpace()
    slots = [Choice(f"s{i}", tuple(range(n)), slot=f"s{i}") for i, n in enumerate(sizes)]
    space.choices = (Choice("c", tuple(range(contexts))), *slots)
    return space


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(1, 20), st.booleans())
def test_all_pairs_of_values_meet(sizes: list[int], contexts: int, every: bool) -> None:
    genomes = list(pairs(sized(sizes, contexts), every=every))
    slots = range(1, len(sizes) + 1)
    if contexts > 16:  # then the context is one slot more
        sizes, slots, contexts = [contexts, *sizes], range(len(sizes) + 1), 1
    told = [(i, j) for i, j in combinations(slots, 2) if every or j == i + 1]
    assert all(gene >= 0 for genome in genomes for gene in genome)
    for context in range(contexts):
        own = [g for g in genomes if slots[0] == 0 or g[0] == context]
        for i, j in told:
            first, second = sizes[i - slots[0]], sizes[j - slots[0]]
            assert {(g[i], g[j]) for g in own} == set(product(range(first), range(second)))
        for i in slots:
            assert {g[i] for g in own} == set(range(sizes[i - slots[0]]))


@pytest.mark.parametrize(("slots", "values", "most"), [(4, 3, 9), (5, 5, 25), (7, 4, 16)])
def test_neighbours_of_equal_sizes_take_as_few_genomes_as_there_are_pairs(
    slots: int, values: int, most: int
) -> None:
    assert len(set(pairs(sized([values] * slots, 1)))) == most


def test_the_first_genomes_hold_each_value_once() -> None:
    first = list(islice(pairs(sized([4, 4, 4], 1)), 4))
    assert [{g[i] for g in first} for i in (1, 2, 3)] == [{0, 1, 2, 3}] * 3


@pytest.mark.parametrize("wide", [False, True])
def test_extremes_are_the_cheapest_and_the_dearest(wide: bool) -> None:
    space = TinySpace(wide=wide)
    costs = [space.costs(genome) for genome in all_canonical(space)]
    found = [space.costs(genome) for genome in extremes(space)]
    for position, name in enumerate(("flops", "params")):
        every = [cost[name] for cost in costs]
        assert found[2 * position][name] == min(every)
        assert found[2 * position + 1][name] == max(every)


@pytest.mark.parametrize("space", [TinySpace(), Uneven(), Merging(), TinySpace(1)])
def test_each_genome_is_told_once_and_always_the_same(space: TinySpace) -> None:
    genomes = list(representative(space))
    assert len(set(genomes)) == len(genomes)
    assert set(genomes) <= set(all_canonical(space))
    assert genomes == list(representative(space))
    if len(space.slots) == 1:
        assert set(genomes) == set(all_canonical(space))


def test_a_space_without_slots_or_choices_is_covered() -> None:
    space = TinySpace()
    space.choices = tuple(Choice(f"c{i}", (1, 2, 3)) for i in range(9))
    found = list(islice(representative(space), 200))
    told = {(i, g[i], g[i + 1]) for g in found for i in range(8)}
    assert len(told) == 8 * 9
    space = TinySpace()
    space.choices = ()
    assert list(representative(space)) == [()]
