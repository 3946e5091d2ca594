"""Plug-ins: their options, and the outcomes of checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from evo_nas.cli.catalogue import Details
from evo_nas.results.tables import Table
from evo_nas.testing import Outcome

from .tables import table_view

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def outcome_view(outcome: Outcome, message: str) -> RenderableType:
    """One check: what became of it, and below its name what to fix or why it was skipped."""
    table = Grid.grid(padding=(0, 2, 0, 0))
    table.add_column(width=7)
    table.add_column(overflow="fold")
    told = [Text(outcome.name)]
    if message:
        told.append(Text(message, style="dim" if outcome.status == "skipped" else ""))
    table.add_row(Text(outcome.status, style=_STYLES[outcome.status]), Group(*told))
    return table


def summary(kind: str, spec: str, outcomes: Sequence[Outcome]) -> str:
    """One line at the end."""
    counts: Counter[str] = Counter(outcome.status for outcome in outcomes)
    told = ", ".join(f"{counts[status]} {status}" for status in _STYLES if counts[status])
    return f"{kind} {spec}: {told}"


def details_view(details: Details) -> RenderableType:
    """One plug-in, and its options as they are written in a spec."""
    parts: list[RenderableType] = [Text(details.name, style="bold"), Text(details.about)]
    if not details.options:
        return Group(*parts, Text(), Text("It has no options."))
    rows = [
        (o.name, "must be given" if o.needed else _default(o.default), o.meaning)
        for o in details.options
    ]
    table = table_view(Table(("option", "default", "meaning"), rows))
    table.columns[0].no_wrap = True
    table.columns[1].min_width = 7
    return Group(*parts, table)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as it is read
    return "-" if value in (None, "") else str(value)


def details_document(details: Details) -> dict[str, Any]:
    """One plug-in with its options; a default that JSON has no word for is written as text."""
    document = asdict(details)
    for option in document["options"]:
        if not isinstance(option["default"], bool | int | float | str | None):
            option["default"] = str(option["default"])
    return document


def outcomes_document(kind: str, spec: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The checks of a plug-in."""
    passed = all(outcome.status != "failed" for outcome in outcomes)
    return {"kind": kind, "spec": spec, "passed": passed, "checks": [*map(asdict, outcomes)]}
