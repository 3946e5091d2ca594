"""Training recipes: readable TOML files, shipped ones by name, a user's own by path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """How one kind of training goes; ``learning_rate`` is for ``batch_size`` as it stands here.

    ``optimizer`` is "sgd" (Nesterov, with ``momentum``) or "adamw"; the rate rises linearly for
    ``warmup`` (a share of all steps) and falls to 0 along a cosine.
    """

    optimizer: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    warmup: float = 0.0
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """``supernet`` trains shared weights, ``train`` a network from scratch."""

    name: str
    supernet: Phase
    train: Phase
    calibration_images: int = 128
