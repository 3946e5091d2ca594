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
from functools import cache

from evo_nas.errors import BudgetError

UNLIMITED = 10**18  # more than anything costs
COSTS = {"flops": "FLOPs", "params": "parameters"}
_WITHOUT_LIMIT = "unlimited"
_RELATION = re.compile(r"(<=|>=)")
# Two dots, a dash, or "to"; a hyphen between numbers that is no sign of an exponent.
_RANGE = re.compile(
    r"\s*(?:(?<!\.)\.\.(?!\.)|[\u2026\u2013\u2014]|(?<=[\da-z ])(?<!\de)-(?=[\d. ])|\bto\b)\s*",
    re.I,
)
_NUMBER = (
    r"(?P<number>[+-]?(?:\d{1,3}(?:[,_]\d{3}){2,}|\d{1,20}|(?=\.\d))(?:\.\d{1,30})?"
    r"(?:e[+-]?\d{1,3})?)\s*"
)
_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_AMOUNTS = {  # what units of costs and other numbers are worth
    **{unit.lower(): Decimal(scale) for unit, scale in _SCALES.items()},
    **{"thousand": Decimal(10**3), "million": Decimal(10**6)},
    **{"billion": Decimal(10**9), "b": Decimal(10**9)},
}
_SECONDS = {"": "1000", "m": "1", "milli": "1", "u": "0.001", "micro": "0.001"}
_SECONDS |= dict.fromkeys("\u00b5\u03bc", "0.001")  # both are micro signs
_TIMES = {"": Decimal(1)} | {  # in milliseconds
    f"{prefix}{second}": Decimal(scale)
    for prefix, scale in _SECONDS.items()
    for second in ("s", "sec", "secs", "second", "seconds")
}
_COUNTED = {"flops": "flops?|macs?|madds?|mult-?adds?", "params": "param(?:eter)?s?|weights?"}
_LATENCY = "latency"  # the one metric with a unit of time
_WRITTEN_OUT = 10**5  # a number of so many is complete without a unit


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
        low, high = self._ends
        if self.low == -math.inf:
            return f"{self.metric}<={high}"
        return f"{self.metric}>={low}" if self.high == math.inf else f"{low}<={self.metric}<={high}"

    @property
    def range(self) -> str:
        """The text that :func:`parse_range` reads as this limit: ``1.4G`` or ``1.3G..1.4G``."""
        low, high = self._ends
        return high if self.low == -math.inf else f"{low}..{high}"

    @property
    def _ends(self) -> tuple[str, str]:
        """Both values without rounding, and both with units or none, as one takes the other's."""
        low, high = (_exact(value, self.metric) for value in (self.low, self.high))
        if self.low > 0 and self.high < math.inf and low[-1].isdigit() != high[-1].isdigit():
            low, high = (_plain(value) for value in (self.low, self.high))
        return low, high

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


def parse_limit(text: str, kept: bool = False) -> Limit:
    """Read ``METRIC<=VALUE``, ``METRIC>=VALUE`` or ``LOW<=METRIC<=HIGH``.

    Values are as those of :func:`parse_range`.

    Raises:
        BudgetError: the text is no limit, or nothing can lie within it.
    """
    told = f"limit {text!r}"
    parts = _RELATION.split(text.replace("\u2264", "<=").replace("\u2265", ">="))
    parts = [part.strip() for part in parts]
    if len(parts) == 3 and parts[0]:
        (value,) = _values(parts[0], told, kept, parts[2])
        above = parts[1] == ">="
        return Limit(parts[0], low=value) if above else Limit(parts[0], high=value)
    if len(parts) == 5 and parts[1] == parts[3] == "<=" and parts[2]:
        return _between(parts[2], told, kept, parts[0], parts[4])
    raise BudgetError(
        f"{told} is malformed: write METRIC<=VALUE, METRIC>=VALUE or LOW<=METRIC<=HIGH, "
        "as in params<=6M"
    )


def parse_range(text: str, metric: str = "flops", kept: bool = False) -> Limit:
    """Read what ``--flops``, ``--params`` and ``--latency`` take.

    That is ``HIGH``, ``LOW..HIGH``, ``LOW..``, ``..HIGH`` or ``unlimited``. Values are numbers with
    K, M, G or T, and GFLOPs or GMACs, which is the same here; those of a latency with us, ms or s.
    A value without a unit takes that of the other end. As a configuration keeps them (``kept``),
    each value has its own.

    Raises:
        BudgetError: the text is neither, nothing can lie within it, or it lacks a unit.
    """
    told = f"{'budget' if metric == 'flops' else 'limit'} {text!r}"
    low, *rest = _RANGE.split(text.strip())
    if not rest:
        low, rest = "", [low]
    high = rest[0]
    if len(rest) > 1 or not (low or high):
        raise BudgetError(f"{told} is malformed: write {_example(metric)}, or LOW..HIGH of them")
    if low and high not in ("", _WITHOUT_LIMIT):
        return _between(metric, told, kept, low, high)
    if low:
        return Limit(metric, low=_values(metric, told, kept, low)[0])
    if high == _WITHOUT_LIMIT and metric == "flops":
        return Limit(metric)
    return Limit(metric, high=_values(metric, told, kept, high)[0])


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


def _between(metric: str, told: str, kept: bool, low: str, high: str) -> Limit:
    limit = Limit(metric, *_values(metric, told, kept, low, high))
    if limit.low > limit.high:
        raise BudgetError(
            f"{told}: the lower value is above the upper; swap them, or give each its unit"
        )
    return limit


def _values(metric: str, told: str, kept: bool, *texts: str) -> list[float]:
    """The values of one limit in the unit of its metric."""
    time, cost = _is_time(metric), metric in COSTS
    scales, read = _TIMES if time else _AMOUNTS, [_number(text, metric, told) for text in texts]
    units = [unit for _, unit in read if unit]
    last = read[-1][0]
    if not (kept or units) and cost and any(_is_fraction(number) for number, _ in read):
        unit = "G" if metric == "flops" and last < 50 else "M"
        raise BudgetError(f"{told} has no unit; did you mean {last}{unit}?")
    if not (kept or units) and time and any(0 < number < 1 for number, _ in read):
        raise BudgetError(f"{told} has no unit; did you mean {last}s or {last}ms?")
    values = []
    for text, (number, unit) in zip(texts, read, strict=True):
        takes = units and not kept and number < _WRITTEN_OUT and (time or cost)
        value = float(number * scales[unit or (units[0] if takes else "")])
        if not math.isfinite(value):
            raise BudgetError(f"{told}: {text!r} is beyond all numbers; leave it out")
        values.append(value)
    return values


def _number(text: str, metric: str, told: str) -> tuple[Decimal, str]:
    """A number and its unit, "" where there is none."""
    match = _pattern(metric).fullmatch(text)
    if match is None:
        comma = " (a comma may divide or group)" if "," in text else ""
        raise BudgetError(
            f"{told} is malformed: {text!r} is no value of it{comma}; write {_example(metric)}"
        )
    number = Decimal(re.sub("[,_]", "", match["number"]))
    if number < 0 and (_is_time(metric) or metric in COSTS):
        raise BudgetError(f"{told} is malformed: {text!r} is below 0, as nothing can be")
    return number, (match["unit"] or "").lower()


def _is_fraction(number: Decimal) -> bool:
    return number < _WRITTEN_OUT and number % 1 != 0


@cache
def _pattern(metric: str) -> re.Pattern[str]:
    units = _TIMES if _is_time(metric) else _AMOUNTS
    unit = "|".join(sorted(filter(None, units), key=len, reverse=True))
    counted = _COUNTED.get(metric, "")
    return re.compile(rf"{_NUMBER}(?P<unit>{unit})?\s*(?:{counted})?", re.IGNORECASE | re.ASCII)


def _example(metric: str) -> str:
    if _is_time(metric):
        return "15ms or 0.015s"
    return "1.4G or 1400M" if metric == "flops" else "6M or 0.9"


def _is_time(metric: str) -> bool:
    spec, _, name = metric.partition("#")
    return (name or spec.partition("?")[0]) == _LATENCY


def _plain(value: float) -> str:
    """The value without rounding and without a unit."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _exact(value: float, metric: str) -> str:
    """The value without rounding."""
    if value == math.inf:
        return _WITHOUT_LIMIT
    if _is_time(metric):
        return f"{float(value)!r}ms".replace(".0ms", "ms")
    if float(value).is_integer() and abs(value) < 2**53:
        return exact_amount(int(value))
    return repr(float(value))
