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
from tests.kit.svg import SVG, assert_inside, texts, titles

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


def elements(drawn: str, tag: str, **having: str) -> list[ElementTree.Element]:
    found = ElementTree.fromstring(drawn).iter(f"{SVG}{tag}")
    return [each for each in found if having.items() <= each.attrib.items()]


def positions(drawn: str) -> list[tuple[float, float]]:
    return [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in elements(drawn, "circle")]


def paths(drawn: str, attribute: str) -> list[str]:
    """The paths in groups that have the attribute."""
    groups = [group for group in elements(drawn, "g") if group.get(attribute)]
    return [path.get("d", "") for group in groups for path in group]


def corners(path: str) -> list[tuple[float, float]]:
    found = (corner.split() for corner in path.strip("MZ").split("L"))
    return [(float(x), float(y)) for x, y in found]


def written(drawn: str) -> dict[str, tuple[float, float]]:
    """Where each text is."""
    found = elements(drawn, "text")
    return {t.text or "": (float(t.get("x", "")), float(t.get("y", ""))) for t in found}


def test_points_lie_where_the_ticks_beside_them_say() -> None:
    drawn = chart([Points("p", [0, 10], [100, 200])], **LABELS)
    where, ((left, bottom), (right, top)) = written(drawn), positions(drawn)
    assert left < right
    assert top < bottom
    assert where["0"][0] == pytest.approx(left, abs=0.1)
    assert where["10"][0] == pytest.approx(right, abs=0.1)
    assert where["100"][1] == pytest.approx(bottom + 4.5, abs=0.1)  # the middle of the digits
    assert where["200"][1] == pytest.approx(top + 4.5, abs=0.1)


def test_error_bars_are_as_long_as_they_say_and_inside_the_axes() -> None:
    drawn = chart([Points("p", [1, 2], [1, 2], x_errors=[0.5, 0.5], y_errors=[1, 0])], **LABELS)
    bars = paths(drawn, "stroke-opacity")
    assert len(bars) == 4
    across = [re.findall(r"^M([\d.]+) .*H([\d.]+)", bar) for bar in bars]
    first, second = (tuple(map(float, found[0])) for found in across if found)
    assert first[1] - first[0] == pytest.approx(second[1] - second[0], abs=0.2)
    assert first[1] == pytest.approx(second[0], abs=0.2)  # 1 + 0.5 = 2 - 0.5
    assert first[0] > 28
    assert second[1] < 488


def test_groups_differ_by_colour_and_mark_and_are_named() -> None:
    drawn = chart([Points("one <&>", [1], [1]), Points("two", [2], [2])], **LABELS)
    assert {"one <&>", "two"} <= set(texts(drawn))
    assert len(elements(drawn, "circle")) == 2  # a point, and its mark in the legend
    assert len([each for each in elements(drawn, "rect") if each.get("transform")]) == 2
    colours = {group.get("class"): group.get("color") for group in elements(drawn, "g")}
    assert colours["series0"] != colours["series1"]


def test_text_is_escaped_and_the_title_is_there_for_screen_readers() -> None:
    drawn = chart([Points("p", [1], [1])], **LABELS)
    assert "a <b>" not in drawn
    assert ElementTree.fromstring(drawn).findtext(f"{SVG}title") == "a <b> & c"


def test_a_step_line_holds_a_value_until_the_next() -> None:
    (path,) = paths(chart([Line("a", [0, 1, 2], [0, 1, 0])], **LABELS), "stroke-width")
    first, before, after, *rest = corners(path)
    assert len(rest) == 2
    assert first[1] == before[1]  # across
    assert before[0] == after[0]  # then up


def test_a_line_of_one_place_is_a_mark_with_a_bar() -> None:
    alone = Line("alone", [2], [0.5], low=[0.25], high=[0.75])
    drawn = chart([alone, Line("long", [0, 2], [0, 1])], **LABELS)
    assert_inside(drawn)
    assert drawn.count('class="mark"') == 2  # and in the legend
    assert len(paths(drawn, "stroke-width")) == 2  # the other one, likewise
    assert 'stroke-opacity="0.45"' in drawn
    assert chart([Line("a", [3], [1])], **LABELS).count('class="mark"') == 1


def test_a_legend_names_the_highest_line_first() -> None:
    where = written(chart([Line("low", [0, 1], [0, 1]), Line("high", [0, 1], [0, 2])], **LABELS))
    assert where["high"][0] < where["low"][0]


def test_a_legend_takes_the_rows_that_it_needs_and_cuts_what_fits_no_row() -> None:
    groups = [Points(f"{'n' * 12 * number} {number}", [number], [number]) for number in range(9)]
    drawn = chart(groups, **LABELS)
    named = {text: y for text, (_, y) in written(drawn).items() if "n" in text}
    assert len(set(named.values())) > 2
    assert any(text.endswith("…") for text in named)
    assert_inside(drawn)


def test_a_band_holds_its_line() -> None:
    drawn = chart([Line("a", [0, 1], [5, 6], low=[4, 5], high=[6, 7])], **LABELS)
    (band,), (line,) = paths(drawn, "fill-opacity"), paths(drawn, "stroke-width")
    heights, along = ([y for _, y in corners(path)] for path in (band, line))
    assert min(heights) < min(along)
    assert max(along) < max(heights)
    assert band.endswith("Z")


def test_a_limit_is_on_the_chart_even_where_no_point_is() -> None:
    drawn = chart([Points("p", [1, 2], [1, 2])], **LABELS, limits=[("budget", 9)])
    (line,) = elements(drawn, "path", **{"class": "limit"})
    x = float(line.get("d", "")[1:].split()[0])
    assert max(place for place, _ in positions(drawn)) < x < 488
    assert "budget" in texts(drawn)
    assert_inside(drawn)


def test_numbers_below_a_chart_do_not_touch() -> None:
    drawn = chart([Points("p", [1_399_999_040, 1_400_000_000], [1, 2])], **LABELS)
    below = [(x, text_width(t) / 2) for t, (x, _) in written(drawn).items() if t.endswith("G")]
    assert below
    for (left, half), (right, next_half) in pairwise(below):
        assert left + half < right - next_half
    assert_inside(drawn)


def test_marks_cover_lines_and_lines_cover_dots() -> None:
    mark, line = Points("m", [1], [1]), Line("l", [0, 2], [0, 2])
    dots = Points("d", [1, 2], [1, 2], dots=True)
    drawn = chart([mark, line, dots], **LABELS)
    assert drawn.rindex('r="2.5"') < drawn.rindex('stroke-width="2"') < drawn.rindex('r="5"')


def test_notes_are_there_for_those_who_hover() -> None:
    drawn = chart([Points("p", [1, 2], [1, 2], notes=["<first>", "second"])], **LABELS)
    assert titles(drawn) == ["<first>", "second"]


def test_joined_points_have_a_line_through_them() -> None:
    drawn = chart([Points("p", [1, 2, 3], [1, 3, 2], joined=True)], **LABELS)
    through = "L".join(f"{x:.1f} {y:.1f}" for x, y in positions(drawn))
    assert f"M{through}" in paths(drawn, "stroke")


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
