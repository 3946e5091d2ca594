import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.errors import BudgetError
from evo_nas.sampling.budget import Budget, format_amount, parse_budget


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1.4G", 0, 1_400_000_000),
        ("1400M", 0, 1_400_000_000),
        ("1400m", 0, 1_400_000_000),
        ("1.3G..1.4G", 1_300_000_000, 1_400_000_000),
        (" 1.3 G .. 1.4 G ", 1_300_000_000, 1_400_000_000),
        ("0.1G", 0, 100_000_000),
        ("123", 0, 123),
        ("2K..2K", 2000, 2000),
        ("1.1T", 0, 1_100_000_000_000),
    ],
)
def test_reads_amounts_exactly(text: str, low: int, high: int) -> None:
    assert parse_budget(text) == Budget(low, high)


@pytest.mark.parametrize(
    "text",
    ["", "G", "1.4X", "-1G", "1.4G..", "..1.4G", "1.4G...1.5G", "1,4G", "1e9", "nan", "0", "0.4",
     "1.5G..1.4G", "1G..2G..3G", "1" * 40, "5\u212a", "٣", "2000000T..3000000T", "1G\n..x"],
)  # fmt: skip
def test_malformed_budgets_name_themselves(text: str) -> None:
    with pytest.raises(BudgetError) as raised:
        parse_budget(text)
    assert repr(text) in str(raised.value)


PIECES = st.sampled_from(
    ["1.4", "0", "99", "9999999999999999", ".", "..", "G", "t", "K", " ", "unlimited"]
)


@given(st.text(max_size=30) | st.lists(PIECES, max_size=7).map("".join))
def test_any_text_is_a_budget_or_a_budget_error(text: str) -> None:
    try:
        budget = parse_budget(text)
    except BudgetError:
        return
    assert 0 <= budget.low <= budget.high
    assert parse_budget(str(budget)) == budget


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_a_budget_written_and_read_is_the_same(high: int, width: int) -> None:
    low = max(high - width, 0)
    budget = parse_budget(f"{low}..{high}" if low else str(high))
    assert (budget.low, budget.high) == (low, high)
    assert high in budget
    assert high + 1 not in budget
    assert low in budget
    assert low - 1 not in budget


@pytest.mark.parametrize(
    ("value", "text"), [(1.4e9, "1.4G"), (999, "999"), (7264456, "7.264M"), (1e12, "1T"), (0, "0")]
)
def test_amounts_are_written_for_people(value: float, text: str) -> None:
    assert format_amount(value) == text


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_config_keeps_the_budget(low: int, width: int) -> None:
    budget = Budget(low, low + width)
    assert parse_budget(str(budget)) == budget
