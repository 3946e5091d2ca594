import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.budget import UNLIMITED, Budget
from evo_nas.sampling.limits import Limit, from_budget, merge_limits, parse_limit, parse_range

METRICS = st.sampled_from(
    [
        "flops", "params", "accuracy", "latency", "latency?batch=8&geometry=target",
        "zero_cost?scores=naswot,synflow#naswot", "path/to/file.py:Attr#latency",
    ]
)  # fmt: skip
VALUES = st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15).map(float)


PIECES = st.sampled_from(
    ["params", "latency", "#", "<=", ">=", "1", "-", ".5", "e300", "e-300", "1e999", "M", "ms"]
)  # fmt: skip


@pytest.mark.parametrize("read", [parse_limit, lambda text: parse_range("latency", text)])
@given(text=st.text(max_size=20) | st.lists(PIECES, max_size=9).map("".join))
def test_any_text_is_a_limit_or_a_budget_error(read: Callable[[str], Limit], text: str) -> None:
    try:
        limit = read(text)
    except BudgetError:
        return
    assert parse_limit(str(limit)) == limit


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


def test_ranges_are_read_as_budgets_are() -> None:
    assert parse_range("params", "6M") == Limit("params", high=6e6)
    assert parse_range("params", "4M..6M") == Limit("params", 4e6, 6e6)
    assert parse_range("latency", "0.01s .. 15ms") == Limit("latency", 10, 15)


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


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_budgets_are_limits_and_back(low: int, more: int) -> None:
    for budget in (Budget(low, low + more, "params"), Budget(low, UNLIMITED)):
        assert from_budget(budget).budget() == budget


def test_a_cost_is_a_whole_number() -> None:
    assert Limit("params", 3.2, 5.8).budget() == Budget(4, 5, "params")


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
        parse_range("params", "-5")
