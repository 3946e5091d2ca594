"""What a file of trained weights says about its network, so that it can be used by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evo_nas.core.files import read_metadata
from evo_nas.core.validation import is_genome, is_number, shown
from evo_nas.errors import CheckpointError, EvoNasError
from evo_nas.space.space import Genome, Geometry

from .batches import ChannelStatistics

_KEY, _MEASURED = "architecture", "measured"
_LARGEST_SIZE = 2**20  # of anything in a geometry
_MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Delivered:
    """A trained network: its genome in the space of a spec, its geometry, its images' statistics.

    ``mean`` and ``std`` are by channel, in 0..1; ``classes`` are names, none if they are unknown.
    """

    space: str
    genome: Genome
    geometry: Geometry
    mean: Sequence[float]
    std: Sequence[float]
    classes: Sequence[str] = ()


def describe_weights(
    space: str,
    genome: Genome,
    geometry: Geometry,
    data: ChannelStatistics,
    classes: Sequence[str] = (),
) -> dict[str, str]:
    """The metadata of a file of weights."""
    about = Delivered(space, genome, geometry, data.mean, data.std, classes)
    # One entry: several have no fixed order, and equal runs should be equal bytes.
    return {_KEY: json.dumps(asdict(about))}


def describe_measured(measured: Mapping[str, object]) -> dict[str, str]:
    """More metadata: how a network that is of no run was trained and how well it does."""
    return {_MEASURED: json.dumps(measured)}


def read_measured(path: Path) -> Mapping[str, Any]:
    """What :func:`describe_measured` wrote; nothing if the file's weights say nothing of the kind.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        measured = json.loads(read_metadata(path).get(_MEASURED, "{}"))
    except (ValueError, RecursionError):
        return {}
    return measured if isinstance(measured, dict) else {}


def read_description(path: Path) -> Delivered | None:
    """What :func:`describe_weights` wrote; None if the file's weights say nothing of the kind.

    Raises:
        CheckpointError: there is no such file, or it is damaged.
    """
    if not path.exists():
        raise CheckpointError(f"there are no weights {path}")
    try:
        about = json.loads(read_metadata(path)[_KEY])
        _check(about, path)
        return Delivered(
            space=about["space"],
            genome=tuple(about["genome"]),
            geometry=Geometry(**about["geometry"]),
            mean=tuple(about["mean"]),
            std=tuple(about["std"]),
            classes=tuple(about.get("classes", ())),
        )
    except EvoNasError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def read_notes(path: Path) -> list[str]:
    """What a training has kept beside its weights of what bears on the result.

    Raises:
        CheckpointError: the file is damaged, or what it says cannot be notes.
    """
    text = read_metadata(path).get("notes", "[]")
    try:
        notes = json.loads(text)
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise _refused(path, "notes", text)
    return notes


def read_count(path: Path, key: str) -> int:
    """A whole number that a training has kept beside its weights.

    Raises:
        CheckpointError: the file is damaged, or does not say such a number.
    """
    text = read_metadata(path).get(key)
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise _refused(path, key, text)
    return int(text)


def _refused(path: Path, key: str, text: str | None) -> CheckpointError:
    return CheckpointError(
        f"weights {path}: {key} in the metadata cannot be {shown(text)}; delete the file to train "
        "anew"
    )


def _check(about: Any, path: Path) -> None:
    """Raise a CheckpointError if a value is of a kind that :func:`describe_weights` never writes.

    What is missing makes a KeyError, or a TypeError.
    """
    sizes, channels = about["geometry"], [*about["mean"], *about["std"]]
    wrong = [
        key
        for key, sound in {
            "space": isinstance(about["space"], str),
            "genome": is_genome(about["genome"]),
            "geometry": all(type(s) is int and 0 <= s <= _LARGEST_SIZE for s in sizes.values()),
            "mean and std": all(is_number(value) and 0 <= value <= 1 for value in channels),
        }.items()
        if not sound
    ]
    if wrong:
        raise CheckpointError(f"weights {path}: {wrong[0]} in the metadata cannot be what it is")
