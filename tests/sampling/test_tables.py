"""What a table over sets of costs lets through is what enumeration finds."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evo_nas.sampling import tables
from evo_nas.sampling.tables import CompletionTable

COSTS = st.sets(st.integers(0, 30), min_size=1, max_size=4)
SLOTS = st.lists(st.lists(COSTS, min_size=1, max_size=3), min_size=1, max_size=4)


@given(SLOTS, st.integers(0, 120), st.integers(0, 60))
@example([[{0, 10}]], 1, 8)  # the window lies between two sums
@example([[{0, 10}]], 1, 9)
@example([[{3}, {4, 14}], [{5, 6}]], 30, 5)
def test_legal_values_are_those_with_a_sum_in_the_window(
    slots: list[list[set[int]]], low: int, width: int
) -> None:
    found = CompletionTable(slots, low, low + width).enumerate().tolist()
    expected = [
        list(values)
        for values in product(*(range(len(slot)) for slot in slots))
        if any(
            low <= sum(costs) <= low + width
            for costs in product(*(slot[value] for slot, value in zip(slots, values, strict=True)))
        )
    ]
    assert sorted(found) == expected


def test_a_window_wider_than_any_gap_needs_no_sets_of_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of costs that have no divisor in common are long: minutes for a dozen slots."""

    def refuse(*_: object, **__: object) -> int:
        raise AssertionError("sets of sums were added")

    monkeypatch.setattr(tables, "_added", refuse)
    slots = [[[1, 1_000_003, 1_900_019], [7]]] * 12
    table = CompletionTable(slots, 8_000_000, 9_000_002)
    ones = [np.ones(2)] * 12
    legal = sum(comb(12, high) for high in range(5, 13))  # the sum of 4 is below the window
    assert table.mass(table.backward(ones)) == len(table.enumerate()) == legal
