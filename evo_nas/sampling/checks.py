"""Whether a network meets limits, and which of them it misses by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan

from evo_nas.space.space import Genome, Space

from .budget import Budget
from .limits import Limit, describe_value, from_budget


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit with the value of its metric for a full genome.

    ``measured`` values take time; others are looked up. One that cannot be measured is not a
    number, which meets no limit.
    """

    limit: Limit
    value: Callable[[Genome], float]
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What networks must stay within: ``budgets`` limit costs of the space, ``bounds`` the rest."""

    budgets: tuple[Budget, ...]
    bounds: tuple[Bound, ...] = ()

    def every(self) -> tuple[Limit, ...]:
        """All of them as limits."""
        return (
            *(from_budget(budget) for budget in self.budgets if budget.limits),
            *(bound.limit for bound in self.bounds),
        )

    def quick(self) -> Limits:
        """Those for which nothing is measured."""
        return Limits(self.budgets, tuple(b for b in self.bounds if not b.measured))


class Checks:
    """Checks of full genomes of ``space``, with a tally of what each limit rejected.

    A limit rejects only what those before it admit; measured ones come last.
    """

    def __init__(self, space: Space, budgets: Sequence[Budget], bounds: Sequence[Bound]) -> None:
        self.space = space
        self._budgets = [(budget, from_budget(budget)) for budget in budgets]
        self.limits = (*map(from_budget, budgets), *(bound.limit for bound in bounds))
        self._known = [bound for bound in bounds if not bound.measured]
        self._measured = [bound for bound in bounds if bound.measured]
        self.measures = bool(self._measured)
        self.looked_at = 0
        self.measured = 0  # how many networks
        self.rejected: Counter[str] = Counter()
        self.nearest: dict[str, float] = {}

    def quick(self, full: Genome) -> bool:
        """Whether all limits are met for which nothing has to be measured."""
        self.looked_at += 1
        if self._budgets:
            costs = self.space.costs(full)
            for budget, limit in self._budgets:
                if costs[budget.cost] not in budget:
                    return self.reject(limit, costs[budget.cost])
        return self._meets(self._known, full)

    def values(self, full: Genome) -> dict[str, float]:
        """The value that each limit concerns, by the limit's text."""
        costs = self.space.costs(full)
        named: dict[str, float] = {str(limit): costs[b.cost] for b, limit in self._budgets}
        bounds = (*self._known, *self._measured)
        return named | {str(bound.limit): bound.value(full) for bound in bounds}

    def measure(self, full: Genome) -> bool:
        """Whether the measured limits are met."""
        self.measured += 1
        return self._meets(self._measured, full)

    def _meets(self, bounds: Sequence[Bound], full: Genome) -> bool:
        for bound in bounds:
            value = bound.value(full)
            if value not in bound.limit:
                return self.reject(bound.limit, value)
        return True

    def reject(self, limit: Limit, value: float) -> bool:
        """Write down that a limit rejects a network with this value; False."""
        name = str(limit)
        self.rejected[name] += 1
        known = self.nearest.get(name)
        if known is None or isnan(known) or limit.miss(value) < limit.miss(known):
            self.nearest[name] = value
        return False

    def account(self) -> str:
        """What each limit rejected so far, in words."""
        told = []
        for limit in self.limits:
            if count := self.rejected[str(limit)]:
                nearest = self.nearest[str(limit)]
                value = describe_value(limit.metric, nearest)
                which = (
                    "none of which could be measured"
                    if isnan(nearest)
                    else f"the nearest has {value}"
                )
                told.append(f"{limit} rejected {count:,}, {which}")
        return "; ".join(told)
