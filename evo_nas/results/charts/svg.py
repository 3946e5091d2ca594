"""SVG drawings: self-contained, readable alone and inside a page that has colours of its own.

Colours are presentation attributes, which any style sheet overrides; what a page may want to
colour has a class: ``background``, ``grid``, ``axis``, ``limit``, ``mark``, ``cell``, ``cell-text``
and ``series0``, ``series1``, ...
"""

from __future__ import annotations

from xml.etree import ElementTree

# Okabe and Ito's, told apart by colour-blind people too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_UNPRINTABLE = dict.fromkeys((*range(9), *range(11, 32), 127), "\ufffd")  # no XML holds them
_LETTER = 0.56  # the mean width of a letter of Helvetica, as a share of its size


def text_width(text: str, size: float = 13) -> float:
    """About how wide a text is, in pixels."""
    return _LETTER * size * len(text)


def fitted(text: str, width: float, size: float) -> str:
    """The text, cut where it would not fit."""
    if text_width(text, size) <= width:
        return text
    return text[: max(1, int(width / text_width("x", size)) - 1)] + "…"


class Drawing:
    """An SVG element that is added to; its height may be set until it is written."""

    def __init__(self, title: str, width: int, height: int = 0) -> None:
        self.width, self.height = width, height
        self._svg = ElementTree.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "role": "img",
            "font-family": "Helvetica, Arial, sans-serif", "font-size": "13", "fill": "#222",
        })  # fmt: skip
        self.add("title").text = title.translate(_UNPRINTABLE)
        self._background = self.add("rect", class_="background", fill="#fff")

    def add(
        self, tag: str, parent: ElementTree.Element | None = None, /, **attributes: object
    ) -> ElementTree.Element:
        """A new element; attributes are named with underscores, ``class_`` for the class."""
        named = {n.rstrip("_").replace("_", "-"): str(value) for n, value in attributes.items()}
        return ElementTree.SubElement(self._svg if parent is None else parent, tag, named)

    def group(self, number: int, **attributes: object) -> ElementTree.Element:
        """A group in the colour of a series, which is the ``currentColor`` of what is in it."""
        colour = COLOURS[number % len(COLOURS)]
        class_ = f"series{number % len(COLOURS)}"
        return self.add("g", class_=class_, color=colour, **attributes)

    def text(
        self, x: float, y: float, text: str, anchor: str = "middle", /, **more: object
    ) -> None:
        """Text at pixels."""
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
        self.add("text", **place, text_anchor=anchor, **more).text = text.translate(_UNPRINTABLE)

    def document(self) -> str:
        """The SVG, as text."""
        size = {"width": str(self.width), "height": str(self.height)}
        self._background.attrib.update(size)
        self._svg.attrib.update(size | {"viewBox": f"0 0 {self.width} {self.height}"})
        ElementTree.indent(self._svg, "")
        return ElementTree.tostring(self._svg, encoding="unicode") + "\n"
