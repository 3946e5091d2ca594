"""Limits on what a run may find: ``params<=6M``, ``latency<=15ms``, ``4M<=params<=6M``.

A limit names a metric: a cost of the space, something that the space knows of its networks, or
what an evaluator measures, by the evaluator's spec (:mod:`evo_nas.search.limits` decides). A
spec's first objective is meant; ``SPEC#metric`` names another of its metrics. A limit on FLOPs
is a budget. One FLOP is one multiply-accumulate, everywhere in evo-nas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from evo_nas.errors import BudgetError

UNLIMITED = 10**18  # more than anything costs
COSTS = {"flops": "FLOPs", "params": "parameters"}
_WITHOUT_LIMIT = "unlimited"
_RELATION = re.compile(r"(<=|>=)")
_NUMBER = re.compile(
    r"(?P<number>[+-]?\d{1,20}(?:\.\d{1,30})?(?:e[+-]?\d{1,3})?)\s*(?P<unit>[a-z]*)",
    re.IGNORECASE | re.ASCII,
)
_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_MILLISECONDS = {"": Decimal(1), "S": Decimal(1000), "MS": Decimal(1), "US": Decimal("0.001")}
_LATENCY = "latency"  # the one metric with a unit of time


@dataclass(frozen=True, slots=True)
class Limit:
    """A metric's values from ``low`` to ``high``, both included and possibly infinite.

    A metric is in its own unit; latencies are milliseconds.
    """

    metric: str
    low: float = -math.inf
    high: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """The text that :func:`parse_limit` reads as this limit, without rounding."""
        low, high = _exact(self.low, self.metric), _exact(self.high, self.metric)
        if self.low == -math.inf:
            return f"{self.metric}<={high}"
        return f"{self.metric}>={low}" if self.high == math.inf else f"{low}<={self.metric}<={high}"

    @property
    def range(self) -> str:
        """The text that :func:`parse_range` reads as this limit: ``1.4G`` or ``1.3G..1.4G``."""
        high = _exact(self.high, self.metric)
        return high if self.low == -math.inf else f"{_exact(self.low, self.metric)}..{high}"

    @property
    def spec(self) -> str:
        """The metric without the name of one of its evaluator's metrics."""
        return self.metric.partition("#")[0]

    @property
    def unit(self) -> str:
        """What a cost counts, in words."""
        return COSTS.get(self.metric, self.metric)

    @property
    def amount(self) -> str:
        """A limit on a cost for people: ``1.4G FLOPs``."""
        return f"{self.range} {self.unit}"

    @property
    def bounded(self) -> bool:
        """Whether anything is limited."""
        return self.low > -math.inf or self.high < math.inf

    @property
    def least(self) -> int:
        """The lowest whole cost within; 0 without a lower limit."""
        return 0 if self.low <= 0 else math.ceil(min(self.low, UNLIMITED))

    @property
    def most(self) -> int:
        """The highest whole cost within; UNLIMITED without an upper limit."""
        return math.floor(min(self.high, UNLIMITED))

    def whole(self) -> Limit:
        """The same limit on a cost, which is a whole number."""
        high = self.most if self.most < UNLIMITED else math.inf
        return Limit(self.metric, self.least or -math.inf, high)

    def miss(self, value: float) -> float:
        """How far outside a value is; 0 within."""
        return max(self.low - value, value - self.high, 0.0)


def parse_limit(text: str) -> Limit:
    """Read ``METRIC<=VALUE``, ``METRIC>=VALUE`` or ``LOW<=METRIC<=HIGH``.

    Values are numbers with K, M, G or T; those of a latency with us, ms or s.

    Raises:
        BudgetError: the text is no limit, or nothing can lie within it.
    """
    parts, told = [part.strip() for part in _RELATION.split(text)], f"limit {text!r}"
    if len(parts) == 3 and parts[0]:
        value = _value(parts[2], parts[0], told)
        above = parts[1] == ">="
        return Limit(parts[0], low=value) if above else Limit(parts[0], high=value)
    if len(parts) == 5 and parts[1] == parts[3] == "<=" and parts[2]:
        return _between(parts[2], parts[0], parts[4], told)
    raise BudgetError(
        f"{told} is malformed: write METRIC<=VALUE, METRIC>=VALUE or LOW<=METRIC<=HIGH, "
        "as in params<=6M"
    )


def parse_range(text: str, metric: str = "flops") -> Limit:
    """Read what ``--flops``, ``--params`` and ``--latency`` take: ``HIGH`` or ``LOW..HIGH``.

    FLOPs may be ``unlimited`` as well.

    Raises:
        BudgetError: the text is neither, or nothing can lie within it.
    """
    budget = metric == "flops"
    told = f"{'budget' if budget else 'limit'} {text!r}"
    low, dots, high = (part.strip() for part in text.rpartition(".."))
    if budget and high == _WITHOUT_LIMIT:
        return Limit(metric, _value(low, metric, told)) if dots else Limit(metric)
    if dots:
        return _between(metric, low, high, told)
    return Limit(metric, high=_value(high, metric, told))


def merge_limits(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """One limit for each metric, in the order in which metrics first appear.

    Raises:
        BudgetError: two limits contradict each other.
    """
    merged: dict[str, Limit] = {}
    for limit in limits:
        earlier = merged.get(limit.metric, limit)
        both = Limit(limit.metric, max(earlier.low, limit.low), min(earlier.high, limit.high))
        if both.low > both.high:
            raise BudgetError(f"limits {earlier} and {limit} contradict each other; drop one")
        merged[limit.metric] = both
    return tuple(merged.values())


def describe_value(metric: str, value: float) -> str:
    """A value for people, with the unit where it is known."""
    if _is_time(metric):
        return f"{value:.4g} ms"
    if metric in COSTS:
        return f"{format_amount(value)} {COSTS[metric]}"
    return f"{value:.6g}"


def exact_amount(value: int) -> str:
    """The amount without rounding, as a limit is kept."""
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


def _between(metric: str, low: str, high: str, told: str) -> Limit:
    limit = Limit(metric, _value(low, metric, told), _value(high, metric, told))
    if limit.low > limit.high:
        raise BudgetError(f"{told}: the lower value is above the upper; swap them")
    return limit


def _value(part: str, metric: str, told: str) -> float:
    match = _NUMBER.fullmatch(part)
    time = _is_time(metric)
    scales = _MILLISECONDS if time else _SCALES
    if match is None or match["unit"].upper() not in scales:
        kind = "15ms or 0.015s" if time else "1.4G or 1400M" if metric == "flops" else "6M or 0.9"
        raise BudgetError(f"{told} is malformed: {part!r} is no value of it; write {kind}")
    value = float(Decimal(match["number"]) * scales[match["unit"].upper()])
    if value < 0 and (time or metric in COSTS):
        raise BudgetError(f"{told} is malformed: {part!r} is below 0, as nothing can be")
    if not math.isfinite(value):
        raise BudgetError(f"{told}: {part!r} is beyond all numbers; leave it out")
    return value


def _is_time(metric: str) -> bool:
    spec, _, name = metric.partition("#")
    return (name or spec.partition("?")[0]) == _LATENCY


def _exact(value: float, metric: str) -> str:
    """The value without rounding."""
    if value == math.inf:
        return _WITHOUT_LIMIT
    if _is_time(metric):
        return f"{float(value)!r}ms".replace(".0ms", "ms")
    if float(value).is_integer() and abs(value) < 2**53:
        return exact_amount(int(value))
    return repr(float(value))
