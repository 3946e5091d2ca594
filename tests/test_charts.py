"""Charts: numbers that people choose, points where they belong, XML that any reader takes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from evo_nas.axes import Axis
from evo_nas.charts import Line, Points, lines, scatter
from evo_nas.text_chart import text_scatter

SVG = "{http://www.w3.org/2000/svg}"
LABELS = {"title": "a <b> & c", "x_label": "x", "y_label": "y"}


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.61, 0.83], ["0.65", "0.70", "0.75", "0.80"]),
        ([0, 1000], ["0", "200", "400", "600", "800", "1,000"]),
        ([-1, 1], ["-1.0", "-0.5", "0", "0.5", "1.0"]),
        ([0.8e9, 1.4e9], ["0.8G", "0.9G", "1.0G", "1.1G", "1.2G", "1.3G", "1.4G"]),
        ([0, 12e6], ["0", "2M", "4M", "6M", "8M", "10M", "12M"]),
        ([92.5, 93.127], ["92.5", "92.6", "92.7", "92.8", "92.9", "93.0", "93.1"]),
        ([5, 5], ["4.6", "4.8", "5.0", "5.2", "5.4"]),
        ([0, 0], ["-0.10", "-0.05", "0", "0.05", "0.10"]),
    ],
)
def test_axes_have_the_numbers_that_people_would_choose(
    values: list[float], labels: list[str]
) -> None:
    axis = Axis.around(values, 0, 100)
    assert [text for _, text in axis.ticks] == labels
    assert all(0 <= axis.at(tick) <= 100 for tick, _ in axis.ticks)


def test_points_lie_where_the_ticks_beside_them_say() -> None:
    root = ElementTree.fromstring(scatter([Points("p", [0, 10], [100, 200])], **LABELS))
    circles = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in root.iter(f"{SVG}circle")]
    texts = {
        t.text: (float(t.get("x", "")), float(t.get("y", ""))) for t in root.iter(f"{SVG}text")
    }
    (left, bottom), (right, top) = circles
    assert left < right
    assert top < bottom
    assert texts["0"][0] == pytest.approx(left, abs=0.1)
    assert texts["10"][0] == pytest.approx(right, abs=0.1)
    assert texts["100"][1] == pytest.approx(bottom + 4, abs=0.1)  # the middle of the digits
    assert texts["200"][1] == pytest.approx(top + 4, abs=0.1)


def test_error_bars_are_as_long_as_they_say_and_inside_the_axes() -> None:
    drawn = scatter([Points("p", [1, 2], [1, 2], x_errors=[0.5, 0.5], y_errors=[1, 0])], **LABELS)
    root = ElementTree.fromstring(drawn)
    bars = [p.get("d", "") for p in root.iter(f"{SVG}path") if p.get("stroke-opacity")]
    assert len(bars) == 4
    first, second = (
        [float(re.match(r"M([\d.]+)", d)[1]), float(re.search(r"H([\d.]+)", d)[1])]  # type: ignore[index]
        for d in bars
        if "H" in d
    )
    assert first[1] - first[0] == pytest.approx(second[1] - second[0], abs=0.2)
    assert first[1] == pytest.approx(second[0], abs=0.2)  # 1 + 0.5 = 2 - 0.5
    assert first[0] > 72
    assert second[1] < 620


def test_groups_differ_by_colour_and_mark_and_are_named() -> None:
    root = ElementTree.fromstring(
        scatter([Points("one <&>", [1], [1]), Points("two", [2], [2])], **LABELS)
    )
    names = [text.text for text in root.iter(f"{SVG}text")]
    assert "one <&>" in names
    assert "two" in names
    assert len(list(root.iter(f"{SVG}circle"))) == 2  # a point, and its mark in the legend
    squares = [r for r in root.iter(f"{SVG}rect") if r.get("transform")]
    assert len(squares) == 2
    assert squares[0].get("fill") != next(root.iter(f"{SVG}circle")).get("fill")


def test_text_is_escaped_and_the_title_is_there_for_screen_readers() -> None:
    drawn = scatter([Points("p", [1], [1])], **LABELS)
    assert "a <b>" not in drawn
    assert ElementTree.fromstring(drawn).findtext(f"{SVG}title") == "a <b> & c"


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(AssertionError, match="finite"):
        scatter([Points("p", [1, float("nan")], [1, 2])], **LABELS)


def _series(drawn: str) -> list[str]:
    paths = ElementTree.fromstring(drawn).iter(f"{SVG}path")
    return [p.get("d", "") for p in paths if p.get("stroke-width") == "2"]


def test_a_step_line_holds_a_value_until_the_next() -> None:
    line = Line("a", [0, 1, 2], [0, 1, 0])
    (steps,) = _series(lines([line], **LABELS))
    corners = [tuple(map(float, corner.split())) for corner in steps[1:].split("L")]
    assert len(corners) == 5
    assert corners[0][1] == corners[1][1]  # across
    assert corners[1][0] == corners[2][0]  # then up
    (slopes,) = _series(lines([line], **LABELS, steps=False))
    assert slopes.count("L") == 2


def test_a_legend_names_the_highest_line_first() -> None:
    low, high = Line("low", [0, 1], [0, 1]), Line("high", [0, 1], [0, 2])
    root = ElementTree.fromstring(lines([low, high], **LABELS))
    names = {text.text: float(text.get("y", "")) for text in root.iter(f"{SVG}text")}
    assert names["high"] < names["low"]


def test_a_band_holds_its_line() -> None:
    line = Line("a", [0, 1], [5, 6], low=[4, 5], high=[6, 7])
    root = ElementTree.fromstring(lines([line], **LABELS))
    (band,) = [p.get("d", "") for p in root.iter(f"{SVG}path") if p.get("fill-opacity")]
    heights = [float(corner.split()[1]) for corner in band[1:-1].split("L")]
    drawn = [float(c.split()[1]) for c in _series(lines([line], **LABELS))[0][1:].split("L")]
    assert min(heights) < min(drawn)
    assert max(drawn) < max(heights)
    assert band.endswith("Z")


def test_a_text_chart_fits_80_columns_and_holds_every_point() -> None:
    x, y = [0.0, 0.5, 1.0, 1.0], [0.0, 0.5, 1.0, 1.0]
    rows = text_scatter(x, y, x_label="score", y_label="accuracy").splitlines()
    assert rows[0] == "accuracy"
    assert "score" in rows[-1]
    assert len(rows) == 1 + 15 + 3
    assert max(map(len, rows)) <= 80
    field = [row.partition("┤")[2] or row.partition("│")[2] for row in rows[1:16]]
    assert sum(row.count("o") for row in field) == 2
    assert field[0].index("8") == max(map(len, field)) - 1  # two points in one place, top right
    assert field[7].index("o") == pytest.approx(30, abs=1)
    assert field[14].index("o") == 1
