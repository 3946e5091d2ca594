"""A model folder: card, architecture, weights, preprocessing, and the space if it is a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from .architecture import Architecture
from .delivered import describe_weights
from .model_card import model_card
from .parity import Parity
from .space import Geometry
from .trained import Trained

MODEL = "model"
ARCHITECTURE, WEIGHTS = "architecture.json", f"{MODEL}.safetensors"
PREPROCESSING, CHECKS, CARD = "preprocessing.json", "checks.json", "README.md"
_SPACE = "space"
NORMALISED = "float32 (batch, channels, size, size): (pixel / 255 - mean) / std, by channel"
PIXELS = "uint8 (batch, channels, size, size): pixels from 0 to 255, normalised inside"


def copy_space(trained: Trained, folder: Path) -> str:
    """Copy the file of the network's space, if it is one; the spec of the space in the folder.

    A path in it is relative to the folder.
    """
    target, question, query = trained.architecture.space.partition("?")
    place, colon, attribute = target.rpartition(":")
    file = Path(place if place.endswith(".py") else target)
    if file.suffix not in (".py", ".toml"):
        return trained.architecture.space
    shutil.copyfile(file, folder / f"{_SPACE}{file.suffix}")
    return f"{_SPACE}{file.suffix}{colon}{attribute if colon else ''}{question}{query}"


def own_space(folder: Path, architecture: Architecture) -> Path | None:
    """The file of the space that a model folder carries, None if it is an installed one."""
    target = architecture.space.partition("?")[0]
    name = target.rpartition(":")[0] if ":" in target else target
    return folder / name if name in (f"{_SPACE}.py", f"{_SPACE}.toml") else None


def write(
    trained: Trained, folder: Path, spec: str, checks: Mapping[str, Parity], normalised: bool
) -> None:
    """All but the weights, which are there."""
    genome = trained.space.check(trained.architecture.genome)
    architecture = {
        "format": 1,
        "name": trained.name,
        "space": spec,
        "genome": list(genome),
        "choices": trained.space.options(genome),
        "target": {"geometry": asdict(trained.space.target), **trained.space.costs(genome)},
        "measured": dict(trained.measured),
    }
    told = facts(trained, spec)["preprocessing"]
    for name, content in (
        (ARCHITECTURE, architecture),
        (PREPROCESSING, told),
        (CHECKS, {name: asdict(parity) for name, parity in checks.items()}),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(model_card(trained, spec, checks, normalised), encoding="utf-8")


def facts(trained: Trained, spec: str | None = None) -> dict[str, Any]:
    """What a network is and reads, for programs."""
    return {
        "name": trained.name,
        "space": spec or trained.architecture.space,
        "genome": list(trained.architecture.genome),
        "geometry": asdict(trained.geometry),
        "preprocessing": {
            "image_size": trained.geometry.image_size,
            "channels": trained.geometry.channels,
            "resize": "bilinear with antialiasing",
            "mean": list(trained.mean),
            "std": list(trained.std),
            "input": NORMALISED,
            "classes": list(trained.classes),
        },
    }


def describe(trained: Trained, spec: str | None = None) -> dict[str, str]:
    """The metadata of the network's file of weights."""
    space, genome = spec or trained.architecture.space, trained.architecture.genome
    return describe_weights(space, genome, trained.geometry, _Channels(trained), trained.classes)


def built(trained: Trained) -> nn.Module:
    """The network anew, untrained."""
    geometry: Geometry = trained.geometry
    return trained.space.build(trained.space.check(trained.architecture.genome), geometry)


class _Channels:
    """How images are normalised, see :class:`evo_nas.measuring.ChannelStatistics`."""

    def __init__(self, trained: Trained) -> None:
        self.mean, self.std = tuple(trained.mean), tuple(trained.std)
