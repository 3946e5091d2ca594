import math
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.limits import Limit, format_amount, merge_limits, parse_limit, parse_range

METRICS = st.sampled_from(
    [
        "flops", "params", "accuracy", "latency", "latency?batch=8&geometry=target",
        "zero_cost?scores=naswot,synflow#naswot", "path/to/file.py:Attr#latency",
    ]
)  # fmt: skip
VALUES = st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15).map(float)


PIECES = st.sampled_from(
    ["params", "latency", "unlimited", "GFLOPs", " to ", "\u2013", "#", "<=", ">=", "..", "1", "-",
     ".5", "1.3", "2,000,000", "e300", "e-300", "1e999", "9999999999999999", "M", "t", "ms", " "]
)  # fmt: skip


@pytest.mark.parametrize(
    ("read", "write"),
    [
        (parse_limit, str),
        (parse_range, lambda limit: limit.range),
        (lambda text: parse_range(text, "latency"), lambda limit: limit.range),
        (lambda text: parse_range(text, "params", kept=True), lambda limit: limit.range),
    ],
)
@given(text=st.text(max_size=20) | st.lists(PIECES, max_size=9).map("".join))
def test_any_text_is_a_limit_or_a_budget_error(
    read: Callable[[str], Limit], write: Callable[[Limit], str], text: str
) -> None:
    with suppress(BudgetError):
        limit = read(text)
        assert limit.low <= limit.high
        with suppress(BudgetError):  # a fraction of a FLOP is asked about
            assert read(write(limit)) == limit


@given(METRICS, VALUES, VALUES, st.booleans(), st.booleans())
def test_the_text_of_a_limit_is_read_as_the_same_limit(
    metric: str, first: float, second: float, below: bool, above: bool
) -> None:
    if metric in ("flops", "params") or "latency" in metric:
        first, second = abs(first), abs(second)
    low = min(first, second) if below else -math.inf
    high = max(first, second) if above or not below else math.inf
    limit = Limit(metric, low, high)
    assert parse_limit(str(limit), kept=True) == limit


@given(
    st.sampled_from(["flops", "params", "latency"]), VALUES, VALUES, st.booleans(), st.booleans()
)
def test_the_text_of_a_range_is_read_as_the_same_range(
    metric: str, first: float, second: float, below: bool, above: bool
) -> None:
    low, high = sorted(map(abs, (first, second)))
    limit = Limit(metric, low if below else -math.inf, high if above or not below else math.inf)
    assert parse_range(limit.range, metric, kept=True) == limit
    limit = limit.whole()
    if metric != "latency" and limit.low <= limit.high and limit.bounded:
        assert parse_range(limit.range, metric) == limit


@given(
    st.decimals("0.001", "999", places=3), st.decimals("0.001", "999", places=3),
    st.sampled_from(["K", "m", " G", "GFLOPs", " GMACs", "t flops"]),
)  # fmt: skip
def test_a_range_takes_its_unit_from_either_end(first: Decimal, second: Decimal, unit: str) -> None:
    low, high = sorted((first, second))
    both = parse_range(f"{low}{unit}..{high}{unit}")
    assert both == parse_range(f"{low}..{high}{unit}") == parse_range(f"{low}{unit} .. {high}")
    assert both.high == float(
        high * {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}[unit.strip()[0].lower()]
    )
    assert both == parse_range(f"{low}-{high}{unit}") == parse_range(f"{low}{unit} to {high}{unit}")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("4<=params<=6M", Limit("params", 4e6, 6e6)),
        ("params\u22645.5M params", Limit("params", high=5.5e6)),
        ("flops<=1.4 GFLOPs", Limit("flops", high=1.4e9)),
        ("10<=latency<=15ms", Limit("latency", 10, 15)),
        ("0.9<=score<=2K", Limit("score", 0.9, 2000)),
        ("params<=6M", Limit("params", high=6e6)),
        ("params >= 4.5m", Limit("params", low=4.5e6)),
        ("4M<=params<=6M", Limit("params", 4e6, 6e6)),
        ("latency<=15ms", Limit("latency", high=15)),
        ("latency<=0.015s", Limit("latency", high=15)),
        ("latency<=15", Limit("latency", high=15)),
        ("latency<=1500us", Limit("latency", high=1.5)),
        ("latency?batch=8&geometry=target<=1s", Limit("latency?batch=8&geometry=target", high=1e3)),
        ("accuracy>=0.9", Limit("accuracy", low=0.9)),
        ("score>=-1e-3", Limit("score", low=-0.001)),
    ],
)
def test_limits_are_read(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit
    assert parse_limit(str(limit)) == limit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("params", "METRIC<=VALUE"),
        ("params=6M", "METRIC<=VALUE"),
        ("params<6M", "METRIC<=VALUE"),
        ("<=6M", "METRIC<=VALUE"),
        ("params<=", "'' is no value"),
        ("params<=six", "'six' is no value of it; write 6M"),
        ("params<=6ms", "'6ms' is no value of it; write 6M"),
        ("latency<=6M", "'6M' is no value of it; write 15ms"),
        ("6M<=params<=4M", "the lower value is above the upper"),
        ("6M>=params>=4M", "METRIC<=VALUE"),
        ("params<=1e999", "'1e999' is beyond all numbers"),
    ],
)
def test_malformed_limits_say_what_to_write(text: str, said: str) -> None:
    with pytest.raises(BudgetError, match="limit") as caught:
        parse_limit(text)
    assert said in str(caught.value)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_limits_on_one_metric_are_merged() -> None:
    texts = ["params<=6M", "latency<=15", "params>=4M", "params<=7M"]
    merged = merge_limits(map(parse_limit, texts))
    assert merged == (Limit("params", 4e6, 6e6), Limit("latency", high=15))
    with pytest.raises(BudgetError, match="params<=3M and params>=4M contradict"):
        merge_limits(map(parse_limit, ["params<=3M", "params>=4M"]))


def test_a_cost_is_a_whole_number() -> None:
    limit = Limit("params", 3.2, 5.8)
    assert (limit.least, limit.most) == (4, 5)
    assert limit.whole() == Limit("params", 4, 5)
    assert Limit("params", 0, 1e30).whole() == Limit("params")


def test_how_far_outside() -> None:
    limit = Limit("latency", 10, 15)
    assert [limit.miss(value) for value in (8, 10, 12, 15, 18)] == [2, 0, 0, 0, 3]
    assert 12 in limit
    assert math.inf not in limit


@pytest.mark.parametrize(
    "text", ["params<=-5", "params>=-5", "flops<=-1G", "latency<=-3ms", "-2<=my.py:E#latency<=3"]
)
def test_of_what_cannot_be_below_zero_no_limit_is(text: str) -> None:
    with pytest.raises(BudgetError, match=r"is malformed: '-.*' is below 0, as nothing can be"):
        parse_limit(text)
    with pytest.raises(BudgetError, match="'-5' is malformed"):
        parse_range("-5", "params")


@pytest.mark.parametrize(
    ("text", "metric", "low", "high"),
    [
        ("1.4G", "flops", 0, 1_400_000_000),
        ("1400M", "flops", 0, 1_400_000_000),
        ("1400m", "flops", 0, 1_400_000_000),
        ("1.3G..1.4G", "flops", 1_300_000_000, 1_400_000_000),
        (" 1.3 G .. 1.4 G ", "flops", 1_300_000_000, 1_400_000_000),
        ("123", "flops", 0, 123),
        ("2K..2K", "flops", 2000, 2000),
        ("1.1T", "flops", 0, 1_100_000_000_000),
        ("1.3..1.4G", "flops", 1_300_000_000, 1_400_000_000),
        ("1.3G..1.4", "flops", 1_300_000_000, 1_400_000_000),
        ("1300..1400M", "flops", 1_300_000_000, 1_400_000_000),
        ("900M..1.1G", "flops", 900_000_000, 1_100_000_000),
        ("1.3\u20131.4 GFLOPs", "flops", 1_300_000_000, 1_400_000_000),
        ("1.3G - 1.4G", "flops", 1_300_000_000, 1_400_000_000),
        ("1.3G to 1.4G", "flops", 1_300_000_000, 1_400_000_000),
        ("1.3e9..1.4G", "flops", 1_300_000_000, 1_400_000_000),
        ("1300000000..1.4G", "flops", 1_300_000_000, 1_400_000_000),
        ("250..400", "flops", 250, 400),
        ("..1.4G", "flops", 0, 1_400_000_000),
        ("1.4e9", "flops", 0, 1_400_000_000),
        ("1.4GFLOPs", "flops", 0, 1_400_000_000),
        ("1.4 gmacs", "flops", 0, 1_400_000_000),
        ("1.4 billion", "flops", 0, 1_400_000_000),
        ("1,400,000,000", "flops", 0, 1_400_000_000),
        ("1_400_000_000 FLOPs", "flops", 0, 1_400_000_000),
        (".5G", "flops", 0, 500_000_000),
        ("5.5M params", "params", 0, 5_500_000),
        ("4..6M", "params", 4_000_000, 6_000_000),
        ("15..20ms", "latency", 15, 20),
        ("10ms..0.02s", "latency", 10, 20),
        ("15 \u00b5s", "latency", 0, 0.015),
        ("2 seconds", "latency", 0, 2000),
        ("6M", "params", 0, 6_000_000),
        ("4M..6M", "params", 4_000_000, 6_000_000),
        ("0.01s .. 15ms", "latency", 10, 15),
    ],
)
def test_ranges_are_read_exactly(text: str, metric: str, low: int, high: int) -> None:
    assert parse_range(text, metric) == Limit(metric, low or -math.inf, high)


def test_ranges_that_are_open_above() -> None:
    assert parse_range("1.3G..") == Limit("flops", 1.3e9) == parse_range("1.3G..unlimited")
    assert parse_range("4M..", "params") == Limit("params", 4e6)
    assert parse_range("10ms..", "latency") == Limit("latency", 10)
    assert parse_range(Limit("flops", 500, 1.4e9).range) == Limit("flops", 500, 1.4e9)


@pytest.mark.parametrize(
    ("text", "metric", "asked"),
    [
        ("1.4", "flops", "did you mean 1.4G?"),
        ("1.3..1.4", "flops", "did you mean 1.4G?"),
        ("1.4 MACs", "flops", "did you mean 1.4G?"),
        ("350.5", "flops", "did you mean 350.5M?"),
        ("1.4..", "flops", "did you mean 1.4G?"),
        ("5.5", "params", "did you mean 5.5M?"),
        ("0.015", "latency", "did you mean 0.015s or 0.015ms?"),
    ],
)
def test_what_cannot_be_without_a_unit_is_asked_about(text: str, metric: str, asked: str) -> None:
    with pytest.raises(BudgetError) as raised:
        parse_range(text, metric)
    assert asked in str(raised.value)
    assert f"{text!r} has no unit" in str(raised.value)


def test_what_was_kept_has_units_of_its_own() -> None:
    assert parse_range("2..1.4G", kept=True) == Limit("flops", 2, 1.4e9)
    assert parse_limit("0.5<=params<=6M", kept=True) == Limit("params", 0.5, 6e6)


@pytest.mark.parametrize(
    "text",
    ["", "G", "1.4X", "-1G", "..", "1.4G...1.5G", "1,4G", "1,400M", "nan", "unlimited..2G",
     "1.5G..1.4G", "1G..2G..3G", "900..1.1G", "1.4M params", "1.4GFLOP/s", "1.4Gi", "1.4G-", "G..2",
     "unlimited..", "1" * 40, "5\u212a", "٣", "1G\n..x"],
)  # fmt: skip
def test_malformed_budgets_name_themselves(text: str) -> None:
    with pytest.raises(BudgetError) as raised:
        parse_range(text)
    assert f"budget {text!r}" in str(raised.value)


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_a_budget_written_and_read_is_the_same(high: int, width: int) -> None:
    low = max(high - width, 0)
    budget = parse_range(f"{low}..{high}" if low else str(high))
    assert (budget.least, budget.most) == (low, high)
    assert parse_range(budget.whole().range) == budget
    assert high in budget
    assert high + 1 not in budget
    assert low in budget
    assert low == 0 or low - 1 not in budget


def test_flops_may_be_unlimited() -> None:
    for text in ("unlimited", "2000000T", "1G..unlimited"):
        assert parse_range(parse_range(text).whole().range) == parse_range(text).whole()
    assert not parse_range("unlimited").bounded
    with pytest.raises(BudgetError, match="'unlimited' is malformed"):
        parse_range("unlimited", "params")


@pytest.mark.parametrize(
    ("value", "text"), [(1.4e9, "1.4G"), (999, "999"), (7264456, "7.264M"), (1e12, "1T"), (0, "0")]
)
def test_amounts_are_written_for_people(value: float, text: str) -> None:
    assert format_amount(value) == text
