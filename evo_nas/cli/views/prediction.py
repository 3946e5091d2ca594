"""What a network takes pictures for, in the terminal and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.errors import plain, printable
from evo_nas.results.networks.prediction import Prediction
from evo_nas.results.networks.trained import Trained
from evo_nas.results.tables import Table

from .tables import table_view


def predictions_view(trained: Trained, told: Sequence[Prediction]) -> RenderableType:
    """A line for each picture, and what could not be read."""
    rows = [
        (printable(each.picture), plain(name), f"{probability:.3f}", _others(each))
        for each in told
        if each.classes
        for name, probability in each.classes[:1]
    ]
    columns = ("picture", "class", ">probability", "then")
    several = any(row[-1] for row in rows)
    table = Table(columns[: 3 + several], [row[: 3 + several] for row in rows])
    failures = [each.failure for each in told if each.failure]
    parts: list[RenderableType] = [table_view(table)] if rows else []
    parts += [Text(f"note: {note}") for note in _notes(trained)]
    parts += [Text(printable(failure)) for failure in failures]
    if failures:
        parts.append(Text(f"{len(failures):,} of {len(told):,} pictures could not be read"))
    return Group(*parts)


def _others(told: Prediction) -> str:
    return ", ".join(f"{plain(name)} {probability:.3f}" for name, probability in told.classes[1:])


def _notes(trained: Trained) -> list[str]:
    """What bears on how far the classes are to be trusted."""
    if not isinstance(trained.about.reading, str):
        return []
    return [
        "the network learnt from pixels that a source of data makes, not from files of pictures: "
        f"how yours are read may not suit it ({trained.about.preprocessing})"
    ]


def predictions_document(trained: Trained, told: Sequence[Prediction]) -> dict[str, Any]:
    """The network, how it reads pictures, and each picture's classes or what is wrong with it."""
    return {
        "network": trained.name,
        "weights": str(trained.weights),
        "reading": str(trained.about.preprocessing),
        "notes": _notes(trained),
        "pictures": [
            {
                "picture": each.picture,
                "classes": [{"class": name, "probability": p} for name, p in each.classes],
                "failure": each.failure,
            }
            for each in told
        ],
    }
