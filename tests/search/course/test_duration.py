"""Durations as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from evo_nas.errors import SettingsError
from evo_nas.search.course.duration import read_duration

AMOUNTS = some.one_of(some.none(), some.integers(0, 10**6), some.decimals(0, 999, places=2))


@given(some.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS), some.booleans(), some.booleans())
def test_parts_add_up(amounts, spaced, large):
    named = zip(amounts, "dhms", (86400, 3600, 60, 1), strict=True)
    parts = [(f"{amount}{unit}", float(amount) * worth) for amount, unit, worth in named
             if amount is not None]  # fmt: skip
    text = (" " * spaced).join(part for part, _ in parts)
    expected = sum(worth for _, worth in parts)
    if expected == 0:
        with pytest.raises(SettingsError, match="time is"):
            read_duration("time", text)
    else:
        assert read_duration("time", text.upper() if large else text) == pytest.approx(expected)


@given(some.text(max_size=8))
def test_whatever_is_written_is_read_or_refused_in_one_line(text):
    try:
        found: object = read_duration("time", text)
    except SettingsError as error:
        found = str(error)
    refused = r"time is .*; give a time with units: 90s, 2h, 1h30m or 1d"
    assert isinstance(found, float) or re.fullmatch(refused, str(found))


@pytest.mark.parametrize(
    "text", ["", "90", "0s", "0h0m", "-1h", "1h-30m", "30m1h", "1h1h", "1w", "1.h", "1,5h", "nan s",
             "inf h", "1e3s", "h", "1:30", "٣h", "2 hours"]
)  # fmt: skip
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(SettingsError, match="give a time with units"):
        read_duration("time", text)


def test_examples():
    told = {"90s": 90, "2h": 7200, "1h30m": 5400, "1d": 86400, "0.5h": 1800, "1d 12h": 129600}
    assert {text: read_duration("time", text) for text in told} == told
