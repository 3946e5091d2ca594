"""Files of trained weights: what they say of their network, and weights that others released."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor, nn

from evo_nas.core.files import refusal
from evo_nas.core.validation import check_regular, is_genome, is_number, shown
from evo_nas.errors import CheckpointError, EvoNasError
from evo_nas.space.space import Genome, Geometry

from .batches import ChannelStatistics
from .weight_files import check_digest, read_metadata, save_weights

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
    """Metadata of a network outside of runs: its training and its accuracy."""
    return {_MEASURED: json.dumps(measured)}


def read_measured(path: Path) -> Mapping[str, Any]:
    """The metadata of :func:`describe_measured`; empty without them.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        measured = json.loads(read_metadata(path).get(_MEASURED, "{}"))
    except (ValueError, RecursionError):
        return {}
    return measured if isinstance(measured, dict) else {}


def read_description(path: Path) -> Delivered | None:
    """The metadata of :func:`describe_weights`; None without them.

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
    """The notes that a training kept beside its weights.

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
    """A count that a training kept beside its weights.

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


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The weights in a file, by name, on the CPU.

    Args:
        path: ``.safetensors``, or what ``torch.save`` wrote: a state dict, or a dict that holds one
            under "model" or "state_dict". No code in the file is run; of other things than tensors
            it may hold plain values and the ``argparse.Namespace`` that training scripts leave.

    Raises:
        CheckpointError: the file cannot be read, or holds no weights.
    """
    check_regular(path, CheckpointError, "weights")
    try:
        if path.suffix == ".safetensors":
            tensors = load(path.read_bytes())
            check_digest(path, tensors)
            return tensors
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"cannot read weights from {path}: {error.strerror}") from error
    except Exception as error:  # torch raises what it meets, of many kinds
        raise CheckpointError(f"{path} is no file of weights alone: {refusal(error)}") from error
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{path} holds no weights by name")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path}: {shown(name)} is {type(tensor).__name__}, not a weight")
    return dict(content)


def convert(network: nn.Module, source: Path, target: Path) -> None:
    """Write the weights of ``source`` to ``target`` as safetensors, if they are this network's.

    Names, shapes and number types must be the network's own; its weights are not changed. The
    target is replaced in one step, so a reader never sees half of it.

    Raises:
        CheckpointError: the source cannot be read or does not fit.
        RunError: the target cannot be written.
    """
    weights = read_state_dict(source)
    check_weights(network, weights, str(source))
    save_weights(target, {name: weights[name] for name in network.state_dict()})


def check_weights(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Check that these are weights for this network; ``source`` is where they are from.

    Raises:
        CheckpointError: naming the first weight, in the network's order, that differs.
    """
    for name, own in network.state_dict().items():
        if name not in weights:
            raise CheckpointError(f"{source} lacks {name}, which the network has")
        given = weights[name]
        if given.shape != own.shape:
            raise CheckpointError(
                f"{source}: {name} is {tuple(given.shape)}, the network's is {tuple(own.shape)}"
            )
        if given.is_floating_point() != own.is_floating_point():
            raise CheckpointError(f"{source}: {name} is {given.dtype}, the network's {own.dtype}")
    own_names = network.state_dict().keys()
    for name in weights:
        if name not in own_names:
            raise CheckpointError(f"{source} has {name}, which the network lacks")
