"""Templates to pages. Everything that is put into them is escaped, except our own drawings.

Those are "safe": :mod:`evo_nas.results.charts.svg` escapes their texts.

Why: docs/decisions/030-pages-by-templates.md.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from evo_nas.core.console import duration
from evo_nas.results.tables import score_text
from evo_nas.sampling.limits import format_amount


def render(template: str, **content: object) -> str:
    """A page."""
    return _environment().get_template(template).render(content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("evo_nas.results.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "amount": format_amount,
        "duration": duration,
        "score": score_text,
        "percent": lambda share: f"{100 * share:.0f}%",
        "whole": lambda number: f"{number:,}",
    }
    return environment
