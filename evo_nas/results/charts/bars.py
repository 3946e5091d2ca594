"""Bars beside names, the longest first, as SVG."""

from __future__ import annotations

from collections.abc import Mapping

from .svg import Drawing, fitted, text_width

_WIDTH, _MARGIN, _ROW, _BAR, _TITLE, _NUMBER = 500, 12, 22, 14, 34, 52


def bars(values: Mapping[str, float], *, title: str) -> str:
    """A bar for each value, none of which is below 0 and one at least is above."""
    drawing = Drawing(title, _WIDTH, _TITLE + _ROW * len(values) + _MARGIN)
    heading = fitted(title, _WIDTH - 2 * _MARGIN, 15)
    drawing.text(_MARGIN, 21, heading, "start", font_size=15, font_weight="bold")
    widest = min(max(map(text_width, values)), _WIDTH / 2)
    left = _MARGIN + widest + 8
    scale = (_WIDTH - _MARGIN - _NUMBER - left) / max(values.values())
    ordered = sorted(values.items(), key=lambda item: -item[1])
    for row, (name, value) in enumerate(ordered):
        middle = _TITLE + _ROW * (row + 0.5)
        drawing.text(left - 8, middle + 4.5, fitted(name, widest, 13), "end")
        place = {"x": f"{left:.1f}", "y": f"{middle - _BAR / 2:.1f}", "height": _BAR}
        width = f"{scale * value:.1f}"
        drawing.add("rect", drawing.group(0), **place, width=width, fill="currentColor")
        drawing.text(left + scale * value + 6, middle + 4.5, f"{value:.3f}", "start")
    return drawing.document()
