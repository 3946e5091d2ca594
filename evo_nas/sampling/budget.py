"""Budgets: closed intervals of a cost, written as ``1.4G``, ``1400M`` or ``1.3G..1.4G``.

The cost is FLOPs unless something else is said. One FLOP is one multiply-accumulate, everywhere in
evo-nas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from evo_nas.errors import BudgetError

_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNLIMITED = 10**18  # more than anything costs
_WITHOUT_LIMIT = "unlimited"
COSTS = {"flops": "FLOPs", "params": "parameters"}
_AMOUNT = re.compile(r"(\d{1,16}(?:\.\d{1,12})?)\s*([KMGT]?)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Budget:
    """Costs from ``low`` to ``high``, both included, of the kind that ``cost`` names.

    ``low`` 0 means no lower limit, ``high`` UNLIMITED no upper one.
    """

    low: int
    high: int
    cost: str = "flops"

    def __contains__(self, cost: int) -> bool:
        return self.low <= cost <= self.high

    def __str__(self) -> str:
        return (
            f"{exact_amount(self.low)}..{exact_amount(self.high)}"
            if self.low
            else exact_amount(self.high)
        )

    @property
    def unit(self) -> str:
        """What is counted, in words."""
        return unit_of(self.cost)

    @property
    def limits(self) -> bool:
        """Whether anything is limited."""
        return self.low > 0 or self.high < UNLIMITED


def unit_of(cost: str) -> str:
    """What a cost counts, in words."""
    return COSTS.get(cost, cost)


def parse_budget(text: str) -> Budget:
    """Read ``HIGH`` or ``LOW..HIGH``; amounts are decimal numbers with K, M, G or T.

    HIGH may be ``unlimited``.

    Raises:
        BudgetError: the text is no such amount, or LOW is above HIGH.
    """
    low, dots, high = text.partition("..")
    if not dots:
        return Budget(0, _upper(low, text))
    budget = Budget(_amount(low, text), _upper(high, text))
    if budget.low >= UNLIMITED:
        raise BudgetError(f"budget {text!r}: nothing costs as much as its lower limit")
    if budget.low > budget.high:
        raise BudgetError(f"budget {text!r}: the lower limit is above the upper; write LOW..HIGH")
    return budget


def _upper(part: str, text: str) -> int:
    return UNLIMITED if part.strip() == _WITHOUT_LIMIT else min(_amount(part, text), UNLIMITED)


def _amount(part: str, text: str) -> int:
    match = _AMOUNT.fullmatch(part.strip())
    if match is None:
        raise BudgetError(
            f"budget {text!r} is malformed: write an amount of FLOPs such as 1.4G or 1400M, "
            "or two of them as 1.3G..1.4G"
        )
    value = Decimal(match[1]) * _SCALES[match[2].upper()]
    if value < 1:
        raise BudgetError(f"budget {text!r}: an amount must be at least 1 FLOP")
    return int(value)


def exact_amount(value: int) -> str:
    """The amount without rounding, as a budget is kept."""
    if value >= UNLIMITED:
        return _WITHOUT_LIMIT
    suffix, scale = next((s, n) for s, n in reversed(_SCALES.items()) if value >= n or n == 1)
    return f"{(Decimal(value) / scale).normalize():f}{suffix}"


def format_amount(value: float, digits: int = 4) -> str:
    """Write a number of FLOPs or parameters with K, M, G or T, ``digits`` significant."""
    for suffix, scale in reversed(_SCALES.items()):
        if abs(value) >= scale:
            text = f"{value / scale:.{digits}g}"
            return (text if "e" not in text else f"{value / scale:.0f}") + suffix
    return f"{value:.{digits}g}"
