"""What must hold of every SVG drawing."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from evo_nas.results.charts.svg import text_width

SVG = "{http://www.w3.org/2000/svg}"
_TURNED = "rotate(-90"


def texts(drawn: str) -> list[str]:
    """What is written in the drawing."""
    return [text.text or "" for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def titles(drawn: str) -> list[str]:
    """What is told to those who hover over something."""
    return [title.text or "" for title in ElementTree.fromstring(drawn).iter(f"{SVG}title")][1:]


def dots(drawn: str) -> int:
    """How many there are, with that of the legend."""
    return drawn.count('r="2.5"')


def assert_inside(drawn: str) -> None:
    """The drawing parses, and all of it lies in its view box, texts by their estimated width."""
    root = ElementTree.fromstring(drawn)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    for element in root.iter():
        for x, y in _places(element):
            assert -0.5 <= x <= width + 0.5, ElementTree.tostring(element)
            assert -0.5 <= y <= height + 0.5, ElementTree.tostring(element)


def _places(element: ElementTree.Element) -> list[tuple[float, float]]:
    """Corners of what is drawn."""
    number = {name: float(v) for name, v in element.attrib.items() if _is_number(v)}
    if element.tag == f"{SVG}circle":
        x, y, r = number["cx"], number["cy"], number["r"]
        return [(x - r, y - r), (x + r, y + r)]
    if element.tag == f"{SVG}rect":
        x, y = number.get("x", 0), number.get("y", 0)
        return [(x, y), (x + number["width"], y + number["height"])]
    if element.tag == f"{SVG}text":
        size = number.get("font-size", 13)
        long = text_width(element.text or "", size)
        before = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
        first, last = -before * long, (1 - before) * long
        if element.get("transform", "").startswith(_TURNED):
            return [(number["x"], number["y"] - first), (number["x"], number["y"] - last)]
        return [(number["x"] + first, number["y"]), (number["x"] + last, number["y"])]
    if element.tag == f"{SVG}path":
        points = re.findall(r"[ML]\s*(-?[\d.]+) (-?[\d.]+)", element.get("d", ""))
        return [(float(x), float(y)) for x, y in points]
    return []


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
