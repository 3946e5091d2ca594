"""Charts and facts as notebooks show them, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from .file import write_drawing
from .svg import COLOURS

# Text and lines take the colour of the text around them, whatever the notebook's theme; the
# colours of series move a little towards it, and black is that colour itself.
_STYLE = "".join(
    (
        ".evo-nas svg{fill:currentColor;max-width:100%;height:auto}",
        ".evo-nas .background{fill:none}",
        ".evo-nas .grid{stroke:currentColor;stroke-opacity:.18}",
        '.evo-nas g[fill-opacity="0.4"]{fill-opacity:.6}',
        ".evo-nas .axis,.evo-nas .limit{stroke:currentColor;stroke-opacity:.6}",
        *(
            f".evo-nas .series{i}{{color:color-mix(in srgb,{colour} 80%,currentColor)}}"
            for i, colour in enumerate(COLOURS[:-1])
        ),
        f".evo-nas .series{len(COLOURS) - 1}{{color:inherit}}",
        ".evo-nas table{border-collapse:collapse;margin:.25em 0}",
        ".evo-nas th,.evo-nas td{text-align:left;padding:.15em 1.2em .15em 0;",
        "background:none;border:0;font-weight:400;vertical-align:top}",
        ".evo-nas th{opacity:.75}",
        ".evo-nas .figures{display:flex;flex-wrap:wrap;gap:.5em 2em;align-items:flex-start}",
    )
)


@dataclass(frozen=True, slots=True, repr=False)
class Figure:
    """A picture: a notebook shows it, :meth:`save` writes it. ``svg`` is the document."""

    title: str
    svg: str

    def save(self, path: str | Path) -> Path:
        """Write it as SVG, PNG or PDF, as the path ends; the path."""
        return write_drawing(self.svg, path)

    def __repr__(self) -> str:
        return f"<figure: {self.title}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return _block(self.svg)


def card(title: str, facts: Sequence[tuple[str, str]], figures: Sequence[Figure] = ()) -> str:
    """HTML with a title, a table of names and values, and figures beside each other."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts
    )
    drawn = "".join(f"<div>{figure.svg}</div>" for figure in figures)
    return _block(
        f"<strong>{escape(title)}</strong><table>{rows}</table>"
        + (f'<div class="figures">{drawn}</div>' if drawn else "")
    )


def _block(content: str) -> str:
    return f'<div class="evo-nas"><style>{_STYLE}</style>{content}</div>'
