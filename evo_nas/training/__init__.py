"""Weights: recipes, the training loop, augmentation, checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .batches import Batches, measure, seeded_weights
    from .ledger import Ledger
    from .loop import fit
    from .recipe import Recipe, load_recipe
    from .weights import load_weights, save_weights

__all__ = [
    "Batches",
    "Ledger",
    "Recipe",
    "fit",
    "load_recipe",
    "load_weights",
    "measure",
    "save_weights",
    "seeded_weights",
]

__getattr__ = lazy(__name__)
