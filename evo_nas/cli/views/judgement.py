"""Scores judged by a pool, for people: tables, and what they say in plain words."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.core.plugins import registry
from evo_nas.results.judgement import Judgement
from evo_nas.results.judgement_summary import bands_table, judgement_table, pool_verdicts

from .tables import table_view


def judgement_view(found: Judgement) -> RenderableType:
    """The whole judgement, for 80 columns."""
    against = registry.short(found.against)
    times = "once" if len(found.truths) == 1 else f"{len(found.truths)} times"
    failed = [f"{found.failed} more failed and are left out: {against} could not score them"]
    bands = bands_table(found)
    return Group(
        Text(f"Pool {found.folder}", style="bold"),
        Text(
            f"{len(found.networks)} networks of {registry.short(found.space)}, {found.stage}, each "
            f"scored {times} by {against}: {found.metric}; 95% intervals"
        ),
        *map(Text, failed if found.failed else ()),
        table_view(judgement_table(found)),
        *((Text(bands.title), table_view(bands)) if bands else ()),
        *map(Text, pool_verdicts(found)),
        Text(f"all numbers: {found.file}"),
    )
