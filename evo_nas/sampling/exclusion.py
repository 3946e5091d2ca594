"""Limits on costs that exclude each other, proved without drawing.

If two costs add up over slots, so does any weighted sum of them, and its minimum is found slot by
slot. For costs a and b, a limit b <= B and any weight w >= 0: a >= min(a + w * b) - w * B, which is
Lagrange's lower bound of a within the limit on b.

Why: docs/decisions/006-excluding-limits.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from evo_nas.space.space import Space

from .limits import UNLIMITED, Limit, describe_value

_WEIGHTS = np.geomspace(1 / 64, 64, 97)  # relative to the ratio of the ranges of the two costs
_ROUNDING = 1e-9  # costs are whole numbers, the bound is made of fractions

# sign * cost <= bound, of the cost that a name means
Inequality = tuple[int, str, int]


def contradiction(space: Space, limits: Sequence[Limit]) -> str | None:
    """Why no network meets two limits on costs together; None if that is not known.

    ``space`` has costs that add up over slots.
    """
    parts = {cost: _parts(space, cost) for cost in {limit.metric for limit in limits}}
    inequalities = [each for limit in limits for each in _inequalities(limit)]
    for first, second in permutations(inequalities, 2):
        if first[1] == second[1]:
            continue
        least = min(
            _least(first, second, [own[first[1]], own[second[1]]])
            for own in ({c: parts[c][i] for c in parts} for i in range(len(space.contexts)))
        )
        if least > first[2] + _ROUNDING * max(1, abs(first[2])):
            sign, cost, _ = first
            extreme = describe_value(cost, sign * least)
            return f"with {_text(second)} it {'needs' if sign > 0 else 'reaches'} at " + (
                f"least {extreme}" if sign > 0 else f"most {extreme}"
            )
    return None


def _inequalities(limit: Limit) -> Iterator[Inequality]:
    if limit.most < UNLIMITED:
        yield 1, limit.metric, limit.most
    if limit.least > 0:
        yield -1, limit.metric, -limit.least


def _text(inequality: Inequality) -> str:
    sign, cost, bound = inequality
    return str(Limit(cost, high=bound) if sign > 0 else Limit(cost, low=-bound))


def _parts(space: Space, cost: str) -> list[list[NDArray[np.float64]]]:
    """For each context, the costs of each slot's values, and the fixed ones as a slot of one."""
    found = []
    for context in space.contexts:
        slots = [np.array([float(space.fixed_costs(context)[cost])])]
        for slot in space.slots:
            table = space.slot_costs(slot, context)
            assert table is not None, "costs add up"
            slots.append(np.array([float(costs[cost]) for costs in table.values()]))
        found.append(slots)
    return found


def _least(
    first: Inequality, second: Inequality, slots: Sequence[Sequence[NDArray[np.float64]]]
) -> float:
    """A lower bound of the signed first cost where the second inequality holds, in one context."""
    ranges = [sum(float(np.ptp(slot)) for slot in each) or 1.0 for each in slots]
    weights = np.concatenate([[0.0], _WEIGHTS * ranges[0] / ranges[1]])
    total = -weights * second[2]
    for a, b in zip(*slots, strict=True):
        total += (first[0] * a + second[0] * weights[:, None] * b).min(axis=1)
    return float(total.max())
