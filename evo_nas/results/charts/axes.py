"""Axes with numbers that people would choose, for charts of any kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_UNITS = ((1e9, "G"), (1e6, "M"))


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps ``low`` to ``start`` and ``high`` to ``end``, in pixels or characters."""

    low: float
    high: float
    start: float
    end: float
    step: float

    @classmethod
    def around(
        cls, values: Sequence[float], start: float, end: float, margin: float = 0.04, ticks: int = 7
    ) -> Axis:
        """An axis that holds finite values with a margin around them and about ``ticks`` ticks."""
        assert values, "an axis needs values"
        assert all(map(math.isfinite, values)), "an axis holds finite numbers only"
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) or 1) / 10, high + (abs(high) or 1) / 10
        room = margin * (high - low)
        return cls(low - room, high + room, start, end, _nice((high - low) / ticks))

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The multiples of ``step`` on the axis, as numbers and as text: 0.75, 1,200, 1.5M."""
        first, last = math.ceil(self.low / self.step), math.floor(self.high / self.step)
        values = [number * self.step for number in range(first, last + 1)]
        largest = max(map(abs, values))
        unit, suffix = next(((u, s) for u, s in _UNITS if largest >= u), (1.0, ""))
        digits = max(0, -math.floor(math.log10(self.step / unit) + 1e-9))
        return [(v, f"{v / unit:,.{digits}f}{suffix}" if v else "0") for v in values]

    def at(self, value: float) -> float:
        """Where a value lies."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _nice(step: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9))
