"""What goes on in a folder: who is at work, at what, and how far that is."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from evo_nas.analysis.overview.folders import about, folders_below
from evo_nas.results.facts import standing_facts
from evo_nas.search.course.standing import Standing, standing
from evo_nas.search.run_folder import unfinished

from .tables import facts_view

_WIDTH = 60  # characters of a bar


def standing_view(now: Standing | None) -> list[RenderableType]:
    """Facts, and a bar of the phase; nothing where nobody is at work."""
    if now is None:
        return []
    told = facts_view(standing_facts(now))
    if now.phase is None:
        return [told]
    return [Padding(ProgressBar(now.phase.total, now.phase.done, width=_WIDTH), 0), told]


def going_on_view(folder: Path) -> RenderableType:
    """A comparison that is not finished: who is at work, and how its runs stand."""
    within = [each for each in folders_below(folder) if each != folder]
    runs = [(str(each.relative_to(folder)), str(about(each))) for each in within]
    parts = standing_view(standing(folder)) or [Text(unfinished(folder))]
    return Group(*parts, facts_view(runs))
