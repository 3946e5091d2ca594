"""Checking the rows of a run's SQLite file, which anybody may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import RunError
from .inputs import is_genome, is_number, parse_json, shown


def checked(row: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    """A row of evaluations with its JSON decoded; ``path`` is named where something is wrong.

    Raises:
        RunError: a cell holds what evo-nas never writes there.
    """
    stage, phase, generation, position, *others = row
    genome, flops, params, metrics, origin, parents, seconds, trained, measured, failure = others
    place = f"{stage} {phase}, generation {generation}, position {position}"
    found, told, bred = (
        decoded(cell, path, place, name)
        for cell, name in ((genome, "genome"), (metrics, "metrics"), (parents, "parents"))
    )
    for name, sound, cell in (
        ("stage", isinstance(stage, str) and isinstance(phase, str), stage),
        ("generation", is_count(generation) and is_count(position), generation),
        ("genome", is_genome(found), genome),
        ("metrics", isinstance(told, dict) and all(map(is_number, told.values())), metrics),
        ("origin", isinstance(origin, str), origin),
        ("parents", isinstance(bred, list) and all(map(is_genome, bred)), parents),
        ("flops", is_count(flops), flops),
        ("params", is_count(params), params),
        ("seconds", is_number(seconds), seconds),
        ("images", is_count(trained) and is_count(measured), (trained, measured)),
        ("failure", failure is None or (isinstance(failure, str) and not told), failure),
    ):
        require(sound, path, place, name, cell)
    return (*row[:4], found, flops, params, told, origin, bred, *others[6:])


def is_count(value: object) -> bool:
    """Whether a value is a whole number from 0 up."""
    return type(value) is int and value >= 0


def decoded(cell: object, path: Path, place: str, column: str) -> Any:
    """The JSON in a cell."""
    require(isinstance(cell, str), path, place, column, cell)
    return parse_json(str(cell), RunError, f"{path}, {place}: {column} {shown(cell)}")


def require(sound: bool, path: Path, place: str, column: str, cell: object) -> None:
    """Raise a RunError that names place, column and cell, unless it is sound."""
    if not sound:
        raise RunError(
            f"{path}, {place}: {column} cannot be {shown(cell)}; restore the file from a copy, or "
            "start a new run"
        )
