"""A model folder: card, architecture, weights, preprocessing, and the space if it is a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.space.space import Geometry
from evo_nas.training.weights import Delivered, describe_weights

from .card import model_card
from .parity import Parity
from .trained import Trained

MODEL = "model"
ARCHITECTURE, WEIGHTS = "architecture.json", f"{MODEL}.safetensors"
PREPROCESSING, CHECKS, CARD = "preprocessing.json", "checks.json", "README.md"
NORMALISED = "float32 (batch, channels, size, size): (pixel / 255 - mean) / std, by channel"
PIXELS = "uint8 (batch, channels, size, size): pixels from 0 to 255, normalised inside"


def write(
    trained: Trained, folder: Path, spec: str, checks: Mapping[str, Parity], normalised: bool
) -> None:
    """All but the weights, which are there."""
    trained = replace(trained, measured=_without_paths(trained.measured))
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


def _without_paths(measured: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured, with specs that end where paths of this machine would begin."""
    named = {key: registry.short(measured[key]) for key in ("by", "data") if key in measured}
    return {**measured, **named}


def facts(trained: Trained, spec: str | None = None) -> dict[str, Any]:
    """What a network is and reads, for programs; of a space that is a file, the name."""
    return {
        "name": trained.name,
        "space": registry.short(spec or trained.architecture.space),
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
    channels = tuple(trained.mean), tuple(trained.std)
    about = Delivered(space, genome, trained.geometry, *channels, tuple(trained.classes))
    return describe_weights(about)


def built(trained: Trained) -> nn.Module:
    """The network anew, untrained."""
    geometry: Geometry = trained.geometry
    return trained.space.build(trained.space.check(trained.architecture.genome), geometry)
