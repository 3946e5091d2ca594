"""How far numbers agree or differ, with the uncertainty of having seen only so many.

Intervals are percentile bootstraps (Efron 1979): what the middle 95% of samples drawn anew, with
replacement, from what was seen would give. The two correlations are our own because of these:
scipy's take 25 times as long a call, and are not a number where a sample happens not to vary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]

_RESAMPLES = 2000
TAIL = 0.025  # left out at each end of an interval
# With fewer, the most extreme outcome happens by chance more often than one time in twenty: all of
# n pairs point the same way in 2 of 2^n cases.
_FEWEST = 6


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its 95% interval; ``enough``: so many were seen that it can be certain."""

    value: float
    low: float
    high: float
    enough: bool

    @property
    def excludes_zero(self) -> bool:
        """Whether this is distinguishable from chance, or from no difference."""
        return self.enough and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def kendall(a: Sequence[float] | Values, b: Sequence[float] | Values) -> float:
    """Kendall's tau-b (1945, corrected for ties), -1 to 1; 0 where one of them does not vary."""
    return _cosine(_order(a), _order(b))


def kendall_within(
    a: Sequence[float] | Values, b: Sequence[float] | Values, groups: Sequence[float] | Values
) -> float:
    """:func:`kendall` over the pairs whose ``groups`` are the same; 0 where they do not vary."""
    same = _order(groups) == 0
    return _cosine(_order(a) * same, _order(b) * same)


def spearman(a: Sequence[float] | Values, b: Sequence[float] | Values) -> float:
    """Spearman's rho, ties sharing their mean rank, -1 to 1; 0 where one of them does not vary."""
    return _cosine(_order(a).sum(axis=1), _order(b).sum(axis=1))


def _order(values: Sequence[float] | Values) -> Values:
    """Shape (n, n): 1 where the row's value is the greater, -1 where the column's is, else 0.

    Its sums over columns are twice the ranks, centred.
    """
    array = np.asarray(values, dtype=np.float64)
    ordered: Values = np.sign(array[:, None] - array)
    return ordered


def _cosine(a: Values, b: Values) -> float:
    length = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / length) if length else 0.0


def bootstrap(
    statistic: Callable[..., float], *samples: Sequence[float] | Values, tail: float = TAIL
) -> Estimate:
    """``statistic(*samples)`` and its interval, which leaves out ``tail`` at each end.

    The samples are equally long and drawn together, item by item; the same ones always give the
    same interval.
    """
    items = np.asarray(samples, dtype=np.float64)  # (samples, items)
    size = items.shape[1]
    drawn = items[:, np.random.default_rng(0).integers(0, size, (_RESAMPLES, size))]
    values = [statistic(*anew) for anew in drawn.swapaxes(0, 1)]
    low, high = np.quantile(values, (tail, 1 - tail))
    return Estimate(float(statistic(*items)), float(low), float(high), size >= _FEWEST)
