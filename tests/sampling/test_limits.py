import math
from collections.abc import Callable
from contextlib import suppress

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
    ["params", "latency", "unlimited", "#", "<=", ">=", "..", "1", "-", ".5", "e300", "e-300",
     "1e999", "9999999999999999", "M", "t", "ms", " "]
)  # fmt: skip


@pytest.mark.parametrize(
    ("read", "write"),
    [
        (parse_limit, str),
        (parse_range, lambda limit: limit.range),
        (lambda text: parse_range(text, "latency"), lambda limit: limit.range),
    ],
)
@given(text=st.text(max_size=20) | st.lists(PIECES, max_size=9).map("".join))
def test_any_text_is_a_limit_or_a_budget_error(
    read: Callable[[str], Limit], write: Callable[[Limit], str], text: str
) -> None:
    with suppress(BudgetError):
        limit = read(text)
        assert limit.low <= limit.high
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
    assert parse_limit(str(limit)) == limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
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
        ("6M", "params", 0, 6_000_000),
        ("4M..6M", "params", 4_000_000, 6_000_000),
        ("0.01s .. 15ms", "latency", 10, 15),
    ],
)
def test_ranges_are_read_exactly(text: str, metric: str, low: int, high: int) -> None:
    assert parse_range(text, metric) == Limit(metric, low or -math.inf, high)


@pytest.mark.parametrize(
    "text",
    ["", "G", "1.4X", "-1G", "1.4G..", "..1.4G", "1.4G...1.5G", "1,4G", "nan", "unlimited..2G",
     "1.5G..1.4G", "1G..2G..3G", "1" * 40, "5\u212a", "٣", "1G\n..x"],
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
