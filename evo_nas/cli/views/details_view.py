"""One plug-in for people: what it is, and its options as they are written in a spec."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.cli.catalogue import Details

from .tables import plain_table


def details_view(details: Details) -> RenderableType:
    """One plug-in, and its options as they are written in a spec."""
    parts: list[RenderableType] = [Text(details.name, style="bold"), Text(details.about)]
    if not details.options:
        return Group(*parts, Text(), Text("It has no options."))
    table = plain_table("option", "default", "meaning")
    for option in details.options:
        default = "must be given" if option.needed else _default(option.default)
        table.add_row(option.name, Text(default), Text(option.meaning))
    table.columns[0].no_wrap = True
    table.columns[1].min_width = 7
    return Group(*parts, table)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as it is read
    return "-" if value in (None, "") else str(value)
