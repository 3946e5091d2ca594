"""Dynamic programming over slots: weigh, and draw from, the slot values that meet a budget.

A table walks the slots in order. Its state is what the slots so far add up to; the last state says
whether the whole is legal. Values of a slot that lead to the same next state form one class, so
that work is per class and not per value. Weights are products over slots, so one backward pass
gives the exact mass of everything legal, and a forward walk an exact conditioned draw.

Why: docs/decisions/003-exact-tables.md.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Sequence
from functools import cached_property, partial, reduce
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from evo_nas.errors import BudgetError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_STEPS = 1 << 19  # of the dense table: 12 slots take 50 MB
_MOST_WORK = 1 << 29  # of the dense table, steps times values: about a second
_MOST_STATES = 200_000  # of the table over sets of costs


class Table(ABC):
    """``classes[slot]`` maps a value's index to its class; ``legal`` is 1 for each last state that
    is legal, else 0; ``exact`` is False where some illegal values are let through, so that draws
    need a check.
    """

    legal: Floats
    exact = True

    def __init__(self, classes: Sequence[Integers]) -> None:
        self.classes = classes
        self.class_counts = [int(c.max()) + 1 for c in classes]
        self.ones: list[Floats] = [np.ones(len(c)) for c in classes]  # weights that count

    @cached_property
    def counts(self) -> list[Floats]:
        """The backward layers that count."""
        return self.backward(self.ones)

    @abstractmethod
    def best_before(self, slot: int, by_class: Floats, after: Floats) -> Floats:
        """As :meth:`before`, the worth of the best legal way to go on; -inf where there is none."""

    @abstractmethod
    def next_states(self, slot: int, state: int) -> Integers:
        """The state after each class of ``slot``."""

    @abstractmethod
    def before(self, slot: int, by_class: NDArray[Any], after: Floats) -> Floats:
        """The mass of the legal ways to go on from each state, given that after ``slot``."""

    def backward(self, weights: Sequence[Floats]) -> list[Floats]:
        """For each slot and state, and after the last, the mass of the legal ways to go on."""
        layers = [self.legal]
        for slot in reversed(range(len(weights))):
            by_class = np.bincount(self.classes[slot], weights[slot], self.class_counts[slot])
            layers.insert(0, self.before(slot, by_class, layers[0]))
        return layers

    def mass(self, layers: Sequence[Floats]) -> float:
        """The mass of everything legal."""
        return float(layers[0][0])

    def draw(
        self, layers: Sequence[Floats], weights: Sequence[Floats], rng: np.random.Generator
    ) -> list[int]:
        """The index of each slot's value, drawn from the weights conditioned on legality."""
        state, drawn = 0, []
        for slot, (classes, weight) in enumerate(zip(self.classes, weights, strict=True)):
            following = self.next_states(slot, state)
            value = pick(weight * layers[slot + 1][following[classes]], rng)
            state = int(following[classes[value]])
            drawn.append(value)
        return drawn

    def highest(self, worths: Sequence[Floats]) -> list[Floats]:
        """For each slot and state, and after the last, the worth of the best legal way to go on.

        ``worths`` are those of each slot's values; -inf is where there is no way.
        """
        layers = [np.where(self.legal > 0, 0.0, -np.inf)]
        for slot in reversed(range(len(worths))):
            by_class = np.full(self.class_counts[slot], -np.inf)
            np.maximum.at(by_class, self.classes[slot], worths[slot])
            layers.insert(0, self.best_before(slot, by_class, layers[0]))
        return layers

    def enumerate(self) -> Integers:
        """All legal values (rows) by slot (columns)."""
        counts = self.counts
        if not self.mass(counts):
            return np.zeros((0, len(self.classes)), dtype=np.int64)
        rows: Integers = np.zeros((1, 0), dtype=np.int64)
        states: Integers = np.zeros(1, dtype=np.int64)
        for slot, classes in enumerate(self.classes):
            distinct, which = np.unique(states, return_inverse=True)
            following = np.stack([self.next_states(slot, int(s))[classes] for s in distinct])
            row, value = np.nonzero((counts[slot + 1][following] > 0)[which])
            rows = np.column_stack([rows[row], value])
            states = following[which[row], value]
        return rows


class SumTable(Table):
    """Legal when the sum of one cost for each slot lies in ``low`` to ``high``.

    Costs are divided by their greatest common divisor, which makes it exact. Where that leaves too
    many steps, costs are rounded in favour of legality instead, and ``exact`` is False.
    """

    def __init__(self, costs: Sequence[Integers], low: int, high: int) -> None:
        base = sum(int(c.min()) for c in costs)
        relative = [c - c.min() for c in costs]
        # Only differences matter: the cheapest genome has sum 0, so that sums are small indices.
        low, high = max(low - base, 0), min(high - base, sum(int(c.max()) for c in relative))
        unit = math.gcd(*(int(c) for r in relative for c in np.unique(r))) or 1
        slack = 0
        most = min(_MOST_STEPS, _MOST_WORK // sum(len(np.unique(r)) for r in relative))
        if high // unit > most:
            # Each slot's cost is rounded down by less than one unit, so a true sum lies less than
            # one unit a slot above the rounded one: the window is opened downwards by that much.
            # Nothing legal is lost; what is too dear is seen when the draw is checked.
            unit, slack, self.exact = -(-high // most), len(costs), False
        self._steps = []  # of each slot, by class
        classes = []
        for cost in relative:
            steps, index = np.unique(cost // unit, return_inverse=True)
            self._steps.append(steps.astype(np.int64))
            classes.append(index.astype(np.int64))
        super().__init__(classes)
        low, high = max(-(-low // unit) - slack, 0), high // unit
        # A state is a sum; those above the budget land in the padding, which is always 0, without a
        # bounds check.
        self._size = max(high + 1, 1)
        self.legal = np.zeros(self._size + max(int(steps[-1]) for steps in self._steps))
        self.legal[low : max(high + 1, 0)] = 1

    def next_states(self, slot: int, state: int) -> Integers:
        following: Integers = np.minimum(self._steps[slot] + state, len(self.legal) - 1)
        return following

    def before(self, slot: int, by_class: NDArray[Any], after: Floats) -> Floats:
        # One shifted addition a class, over all sums at once.
        layer, size = np.zeros_like(after), self._size
        for step, weight in zip(self._steps[slot], by_class, strict=True):
            if weight > 0 and step < size:
                layer[: size - step] += weight * after[step:size]
        return layer

    def best_before(self, slot: int, by_class: Floats, after: Floats) -> Floats:
        layer, size = np.full_like(after, -np.inf), self._size
        for step, worth in zip(self._steps[slot], by_class, strict=True):
            if step < size:
                reached = layer[: size - step]
                np.maximum(reached, worth + after[step:size], out=reached)
        return layer


# What the slots so far add: one set of costs for each, in order.
_Sets: TypeAlias = tuple[tuple[int, ...], ...]
_State = TypeVar("_State", bound=Hashable)
_Span: TypeAlias = tuple[int, int]


class CompletionTable(Table):
    """Legal when some choice of one cost from each slot's set sums to ``low`` .. ``high``.

    A state is what sums the slots so far can reach: the least and the greatest, where no other
    matters, else all of them as the bits of an integer. Slots with the same sets in another order
    lead to the same state, which keeps states few.

    Raises:
        BudgetError: the slots' costs are so varied that there are too many such sets.
    """

    def __init__(self, sets: Sequence[Sequence[Collection[int]]], low: int, high: int) -> None:
        # As in SumTable: relative to the cheapest, in units of the greatest common divisor.
        bases = [min(min(costs) for costs in slot) for slot in sets]
        low, high = max(low - sum(bases), 0), high - sum(bases)
        bits = [
            [frozenset(cost - base for cost in costs) for costs in slot]
            for slot, base in zip(sets, bases, strict=True)
        ]
        unit = math.gcd(*(c for slot in bits for costs in slot for c in costs)) or 1
        low, high = -(-low // unit), high // unit
        classes, distinct = [], []
        for slot in bits:
            unique = list(dict.fromkeys(slot))
            classes.append(np.array([unique.index(costs) for costs in slot]))
            distinct.append([sorted(c // unit for c in costs) for costs in unique])
        super().__init__(classes)
        gaps = [b - a for slot in distinct for costs in slot for a, b in pairwise(costs)]
        # If no step is wider than the window, two numbers are enough; else all sums are needed.
        if high - low + 1 >= max(gaps, default=0):
            # One slot after the other raised from cost to cost: on this way from the least sum to
            # the greatest no step is so wide that it would lead across the window.
            self._transitions, spans = _reach(distinct, (0, 0), _span)
            legal = [least <= high and low <= most for least, most in spans]
        else:
            self._transitions, sums = _reach(distinct, 1, partial(_added, high=high))
            window = ((1 << (high + 1)) - (1 << low)) if high >= low else 0
            legal = [bool(reached & window) for reached in sums]
        self.legal = np.array(legal, dtype=np.float64)

    def admits(self, values: Sequence[int]) -> bool:
        """Whether these values of the slots, by index, are legal."""
        state = 0
        for rows, classes, value in zip(self._transitions, self.classes, values, strict=True):
            state = rows[state, classes[value]]
        return bool(self.legal[state])

    def next_states(self, slot: int, state: int) -> Integers:
        row: Integers = self._transitions[slot][state]
        return row

    def before(self, slot: int, by_class: NDArray[Any], after: Floats) -> Floats:
        layer: Floats = after[self._transitions[slot]] @ by_class
        return layer

    def best_before(self, slot: int, by_class: Floats, after: Floats) -> Floats:
        layer: Floats = (after[self._transitions[slot]] + by_class).max(axis=1)
        return layer


def reachable_sums(sets: Sequence[Collection[int]], high: int) -> int:
    """The sums of one number from each set, up to ``high``, as the bits of an integer."""
    return reduce(partial(_added, high=high), sets, 1)


def _reach(
    slots: Sequence[Sequence[Sequence[int]]],
    start: _State,
    add: Callable[[_State, Sequence[int]], _State],
) -> tuple[list[Integers], list[_State]]:
    """The transitions of each slot, state by class, and the states after the last slot."""
    states: list[tuple[_State, _Sets]] = [(start, ())]
    transitions = []
    for classes in slots:
        following: dict[_State, tuple[int, _Sets]] = {}  # with the state's number
        numbers: dict[_Sets, int] = {}
        for state, sets in states:
            for costs in classes:
                # The sums do not depend on the order in which sets were added. Adding is dear (an
                # integer of many bits), so it is done once for each multiset of sets; multisets
                # with equal sums then become one state (setdefault).
                together = _with(sets, costs)
                if together not in numbers:
                    new = (len(following), together)
                    numbers[together], _ = following.setdefault(add(state, costs), new)
        if len(following) > _MOST_STATES:
            raise BudgetError(
                "this space has too many different costs for a budget with a lower limit while "
                "later stages are open; give the upper limit only"
            )
        rows = [[numbers[_with(sets, costs)] for costs in classes] for _, sets in states]
        transitions.append(np.array(rows, dtype=np.int64))
        states = [(state, sets) for state, (_, sets) in following.items()]
    return transitions, [state for state, _ in states]


def _span(state: _Span, costs: Sequence[int]) -> _Span:
    """The least and the greatest sum, with one of the sorted costs added."""
    return state[0] + costs[0], state[1] + costs[-1]


def _with(sets: _Sets, costs: Sequence[int]) -> _Sets:
    return tuple(sorted((*sets, tuple(costs))))


def _added(sums: int, numbers: Collection[int], high: int) -> int:
    """Sums, as the bits of an integer, with one of the numbers added to each; up to ``high``."""
    mask = (1 << (high + 1)) - 1 if high >= 0 else 0
    return reduce(lambda total, number: total | sums << number, numbers, 0) & mask


def pick(weights: Floats, rng: np.random.Generator) -> int:
    """An index drawn in proportion to its weight."""
    cumulative = np.cumsum(weights)
    index = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    while weights[min(index, len(weights) - 1)] <= 0:  # a sum that was rounded past the last one
        index -= 1
    return min(index, len(weights) - 1)
