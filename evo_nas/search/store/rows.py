"""One evaluation as a row of run.sqlite, with every cell checked when it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evo_nas.core.validation import is_genome, is_number, parse_json, shown
from evo_nas.errors import RunError
from evo_nas.space.space import Genome
from evo_nas.training.batches import Ledger


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluated candidate; genomes are full canonical genomes of the root space.

    ``failure`` says why it has no metrics, None where it has some.
    """

    stage: str
    phase: str
    generation: int
    position: int
    genome: Genome
    flops: int
    params: int
    metrics: Mapping[str, float]
    origin: str
    parents: tuple[Genome, ...]
    seconds: float
    images: Ledger
    failure: str | None = None


def evaluation_of(row: tuple[Any, ...], known: dict[Genome, Genome]) -> Evaluation:
    """The evaluation in a row; genomes are taken from those ``known``, as parents have been."""
    stage, phase, generation, position = row[:4]
    genome, flops, params, metrics, origin, parents, seconds, trained, measured, failure = row[4:]
    genome, *parents = (known.setdefault(one, one) for one in map(tuple, (genome, *parents)))
    return Evaluation(
        stage, phase, generation, position, genome, flops, params, metrics, origin,
        tuple(parents), seconds, Ledger(trained, measured), failure,
    )  # fmt: skip


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


def checked_fact(key: str, cell: object, path: Path) -> Any:
    """A fact, from JSON; raises a RunError if it is none that evo-nas writes under this key."""
    value = decoded(cell, path, "fact", key)
    fits = _FACTS.get(key)
    require(value is None or fits is None or fits(value), path, "fact", key, cell)
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_tally(value: object) -> bool:
    return _all(is_count)(value) and isinstance(value, dict) and "looked at" in value


def _all(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    """Whether a value is an object all of whose values fit."""
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


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


_FACTS: Mapping[str, Callable[[object], bool]] = {
    "config": lambda value: isinstance(value, str | dict),  # version 0.1.0 kept a digest
    "data": _is_text,
    "notes": _all(_are_texts),
    "rejected": _all(_is_tally),
    "space": _is_text,
    "versions": _all(_is_text),
}
