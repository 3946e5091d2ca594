"""Trained networks that teach: weights as evo-nas train leaves them, of next to no training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from evo_nas.core.plugins import registry
from evo_nas.space.space import Space
from evo_nas.training.weights import Delivered, describe_weights, save_weights

TINY = "tests.kit.tinyspace:TinySpace"


def write_teacher(
    path: Path, spec: str = TINY, *, seed: int = 1, classes: str = "abc", told: bool = True
) -> Path:
    """Weights of the first network of a space at its target, and what they are, if it is told."""
    space: Space = registry.load("space", spec)
    geometry = replace(space.target, classes=len(classes))
    genome = space.canonical((0,) * len(space.choices))
    torch.manual_seed(seed)
    weights = space.build(genome, geometry).state_dict()
    about = Delivered(spec, genome, geometry, (0.3,), (0.25,), tuple(classes), "pixels")
    save_weights(path, weights, describe_weights(about) if told else None)
    return path
