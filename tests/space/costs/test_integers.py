"""Costs become Python's whole numbers, or are refused in one line that says whose they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space.space import Choice, Geometry, Space


class Given(Space):
    """Costs are what the test gives."""

    name = "given"
    target = Geometry(8, 1, 10)
    choices = (Choice("size", (1, 2), slot="a"),)

    def __init__(self, cost: Any, fixed: Any = 1) -> None:
        self.cost, self.fixed = cost, fixed

    def slot_costs(self, slot: str, context: object) -> Any:
        return {(0,): {"flops": 1, "params": 1}, (1,): {"flops": self.cost, "params": 1}}

    def fixed_costs(self, context: object) -> Any:
        return {"flops": self.fixed, "params": 0}

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        raise NotImplementedError


class Own(Given):
    """Has costs that are not additive."""

    def costs(self, genome: Sequence[int]) -> Any:
        return {"flops": self.cost, "params": np.float32(3)}


WHOLE = [np.int64(5), np.float32(5), np.array(5), torch.tensor(5), torch.tensor([5.0]), 5.0]


@pytest.mark.parametrize("cost", [*WHOLE, Decimal(5), True], ids=repr)
def test_whole_numbers_of_any_library_are_costs(cost: Any) -> None:
    expected = int(cost)
    space = Given(cost, fixed=np.int32(-1))
    for costs in (space.costs((1,)), Own(cost).costs((1,)), space.slot_costs("a", ())[1,]):
        assert all(type(number) is int for number in costs.values())
    assert space.costs((1,)) == {"flops": expected - 1, "params": 1}
    assert Own(cost).costs((1,)) == {"flops": expected, "params": 3}


@pytest.mark.parametrize(
    "cost", [5.5, math.nan, math.inf, -1, np.float64("nan"), "5", None, torch.ones(2)], ids=repr
)
def test_other_costs_are_refused_wherever_they_stand(cost: Any) -> None:
    with pytest.raises(
        SpaceError, match=r"^space given: slot_costs\('a', \(\)\)\[\(1,\)\] is {'fl"
    ):
        Given(cost).costs((0,))
    said = r"^space given: costs\(\(1,\)\) is {'flops': .*whole numbers, 0 or more$"
    with pytest.raises(SpaceError, match=said):
        Own(cost).costs((1,))
