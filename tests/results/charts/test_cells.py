"""Architectures as boxes: every cell is there, in order, darker where it is shaded."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from evo_nas.core.plugins import registry
from evo_nas.results.charts.cells import draw_cells
from evo_nas.search.architectures import find_architecture
from evo_nas.space.space import Cell
from tests.kit.svg import SVG, assert_inside, texts

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=40)
CELLS = st.builds(
    Cell, title=TEXT, lines=st.lists(TEXT, max_size=4).map(tuple), shade=st.floats(0, 1)
)


def boxes(drawn: str) -> list[ElementTree.Element]:
    rectangles = ElementTree.fromstring(drawn).iter(f"{SVG}rect")
    return [rectangle for rectangle in rectangles if rectangle.get("class") == "cell"]


def test_the_published_network_is_drawn_as_in_figure_5() -> None:
    architecture = find_architecture("glit_tiny")
    space = registry.load("space", architecture.space)
    drawn = draw_cells(space.picture(architecture.genome), "GLiT-Tiny")
    said = texts(drawn)
    assert [text for text in said if text.isdecimal()] == [str(n) for n in range(1, 13)]
    blocks = [text for text in said if re.fullmatch(r"G\d L\d", text)]
    expected = "30 03 12 30 03 12 30 12 03 30 03 30"
    assert " ".join(f"{b[1]}{b[4]}" for b in blocks) == expected
    light = [sum(map(int, re.findall(r"\d+", box.get("fill", "")))) for box in boxes(drawn)]
    for block, colour in zip(blocks, light, strict=True):
        darkest, lightest = min(light), max(light)
        assert (colour == darkest) == (block == "G0 L3")
        assert (colour == lightest) == (block == "G3 L0")


@given(st.lists(CELLS, min_size=1, max_size=30))
def test_any_cells_stay_inside_and_in_reading_order(cells: list[Cell]) -> None:
    drawn = draw_cells(cells, "some & <cells>")
    assert_inside(drawn)
    places = [(float(box.get("y", "")), float(box.get("x", ""))) for box in boxes(drawn)]
    assert len(places) == len(cells)
    assert places == sorted(places)


def test_texts_are_escaped_and_long_ones_cut() -> None:
    drawn = draw_cells([Cell("<b>", ("x" * 100,), 0.3)], "t")
    assert "<b>" in texts(drawn)
    assert max(map(len, texts(drawn))) == 22
    assert texts(drawn)[1].endswith("…")
