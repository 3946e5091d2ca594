"""Charts: numbers that people choose, points where they belong, XML that any reader takes."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.results.charts.axes import Axis
from evo_nas.results.charts.chart import Line, Points, chart
from evo_nas.results.charts.svg import text_width
from evo_nas.results.charts.text import text_scatter
from tests.kit.svg import assert_inside

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.integers(-(10**13), 10**13).map(lambda number: number / 1000)
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


def positions(drawn: str, tag: str = "circle") -> list[tuple[float, float]]:
    root = ElementTree.fromstring(drawn)
    x, y = ("cx", "cy") if tag == "circle" else ("x", "y")
    return [(float(c.get(x, "")), float(c.get(y, ""))) for c in root.iter(f"{SVG}{tag}")]


def test_points_lie_where_the_ticks_beside_them_say() -> None:
    drawn = chart([Points("p", [0, 10], [100, 200])], **LABELS)
    root, circles = ElementTree.fromstring(drawn), positions(drawn)
    texts = {
        t.text: (float(t.get("x", "")), float(t.get("y", ""))) for t in root.iter(f"{SVG}text")
    }
    (left, bottom), (right, top) = circles
    assert left < right
    assert top < bottom
    assert texts["0"][0] == pytest.approx(left, abs=0.1)
    assert texts["10"][0] == pytest.approx(right, abs=0.1)
    assert texts["100"][1] == pytest.approx(bottom + 4.5, abs=0.1)  # the middle of the digits
    assert texts["200"][1] == pytest.approx(top + 4.5, abs=0.1)


def test_error_bars_are_as_long_as_they_say_and_inside_the_axes() -> None:
    drawn = chart([Points("p", [1, 2], [1, 2], x_errors=[0.5, 0.5], y_errors=[1, 0])], **LABELS)
    root = ElementTree.fromstring(drawn)
    (group,) = [g for g in root.iter(f"{SVG}g") if g.get("stroke-opacity")]
    bars = [p.get("d", "") for p in group]
    assert len(bars) == 4
    first, second = (
        [float(re.match(r"M([\d.]+)", d)[1]), float(re.search(r"H([\d.]+)", d)[1])]  # type: ignore[index]
        for d in bars
        if "H" in d
    )
    assert first[1] - first[0] == pytest.approx(second[1] - second[0], abs=0.2)
    assert first[1] == pytest.approx(second[0], abs=0.2)  # 1 + 0.5 = 2 - 0.5
    assert first[0] > 28
    assert second[1] < 488


def test_groups_differ_by_colour_and_mark_and_are_named() -> None:
    root = ElementTree.fromstring(
        chart([Points("one <&>", [1], [1]), Points("two", [2], [2])], **LABELS)
    )
    names = [text.text for text in root.iter(f"{SVG}text")]
    assert "one <&>" in names
    assert "two" in names
    assert len(list(root.iter(f"{SVG}circle"))) == 2  # a point, and its mark in the legend
    squares = [r for r in root.iter(f"{SVG}rect") if r.get("transform")]
    assert len(squares) == 2
    colours = {group.get("class"): group.get("color") for group in root.iter(f"{SVG}g")}
    assert colours["series0"] != colours["series1"]


def test_text_is_escaped_and_the_title_is_there_for_screen_readers() -> None:
    drawn = chart([Points("p", [1], [1])], **LABELS)
    assert "a <b>" not in drawn
    assert ElementTree.fromstring(drawn).findtext(f"{SVG}title") == "a <b> & c"


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(AssertionError, match="finite"):
        chart([Points("p", [1, float("nan")], [1, 2])], **LABELS)


def _series(drawn: str) -> list[str]:
    groups = ElementTree.fromstring(drawn).iter(f"{SVG}g")
    return [p.get("d", "") for g in groups if g.get("stroke-width") == "2" for p in g]


def test_a_step_line_holds_a_value_until_the_next() -> None:
    line = Line("a", [0, 1, 2], [0, 1, 0])
    (steps,) = _series(chart([line], **LABELS))
    corners = [tuple(map(float, corner.split())) for corner in steps[1:].split("L")]
    assert len(corners) == 5
    assert corners[0][1] == corners[1][1]  # across
    assert corners[1][0] == corners[2][0]  # then up


def test_a_legend_names_the_highest_line_first() -> None:
    low, high = Line("low", [0, 1], [0, 1]), Line("high", [0, 1], [0, 2])
    root = ElementTree.fromstring(chart([low, high], **LABELS))
    names = {text.text: float(text.get("x", "")) for text in root.iter(f"{SVG}text")}
    assert names["high"] < names["low"]


def test_a_legend_takes_the_rows_that_it_needs_and_cuts_what_fits_no_row() -> None:
    groups = [Points(f"{'n' * 12 * number} {number}", [number], [number]) for number in range(9)]
    drawn = chart(groups, **LABELS)
    root = ElementTree.fromstring(drawn)
    named = [text for text in root.iter(f"{SVG}text") if "n" in (text.text or "")]
    assert len({text.get("y") for text in named}) > 2
    assert any((text.text or "").endswith("…") for text in named)
    assert_inside(drawn)


def test_a_band_holds_its_line() -> None:
    line = Line("a", [0, 1], [5, 6], low=[4, 5], high=[6, 7])
    drawn = chart([line], **LABELS)
    groups = ElementTree.fromstring(drawn).iter(f"{SVG}g")
    (band,) = [p.get("d", "") for g in groups if g.get("fill-opacity") for p in g]
    heights = [float(corner.split()[1]) for corner in band[1:-1].split("L")]
    along = [float(c.split()[1]) for c in _series(drawn)[0][1:].split("L")]
    assert min(heights) < min(along)
    assert max(along) < max(heights)
    assert band.endswith("Z")


def test_a_limit_is_on_the_chart_even_where_no_point_is() -> None:
    drawn = chart([Points("p", [1, 2], [1, 2])], **LABELS, limits=[("budget", 9)])
    root = ElementTree.fromstring(drawn)
    (line,) = [p.get("d", "") for p in root.iter(f"{SVG}path") if p.get("class") == "limit"]
    x = float(re.match(r"M([\d.]+)", line)[1])  # type: ignore[index]
    assert max(place for place, _ in positions(drawn)) < x < 488
    assert "budget" in [text.text for text in root.iter(f"{SVG}text")]
    assert_inside(drawn)


def test_numbers_below_a_chart_do_not_touch() -> None:
    drawn = chart([Points("p", [1_399_999_040, 1_400_000_000], [1, 2])], **LABELS)
    below = [
        (float(text.get("x", "")), text_width(text.text or ""))
        for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")
        if (text.text or "").endswith("G")
    ]
    assert below
    for (left, wide), (right, next_wide) in pairwise(below):
        assert left + wide / 2 < right - next_wide / 2
    assert_inside(drawn)


def test_marks_cover_lines_and_lines_cover_dots() -> None:
    mark, line = Points("m", [1], [1]), Line("l", [0, 2], [0, 2])
    dots = Points("d", [1, 2], [1, 2], dots=True)
    drawn = chart([mark, line, dots], **LABELS)
    assert drawn.rindex('r="2.5"') < drawn.rindex('stroke-width="2"') < drawn.rindex('r="5"')


def test_notes_are_there_for_those_who_hover() -> None:
    drawn = chart([Points("p", [1, 2], [1, 2], notes=["<first>", "second"])], **LABELS)
    circles = ElementTree.fromstring(drawn).iter(f"{SVG}circle")
    assert [circle.findtext(f"{SVG}title") for circle in circles] == ["<first>", "second"]


def test_joined_points_have_a_line_through_them() -> None:
    drawn = chart([Points("p", [1, 2, 3], [1, 3, 2], joined=True)], **LABELS)
    paths = [p.get("d", "") for p in ElementTree.fromstring(drawn).iter(f"{SVG}path")]
    corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in positions(drawn))
    assert f"M{corners}" in paths


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20),
    st.text(max_size=80),
    st.lists(st.tuples(st.text(max_size=40), NUMBERS), max_size=2),
)
def test_whatever_is_drawn_is_inside(
    places: list[tuple[float, float]], name: str, limits: list[tuple[str, float]]
) -> None:
    xs, ys = zip(*sorted(places), strict=True)
    name = "".join(c for c in name if c.isprintable())
    limits = [("".join(c for c in each if c.isprintable()), x) for each, x in limits]
    series = [
        Points(name, xs, ys, dots=True),
        Line("line", xs, ys),
        Points("marks", xs[:1], ys[:1]),
    ]
    assert_inside(chart(series, title=name, x_label=name, y_label=name, limits=limits))


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
