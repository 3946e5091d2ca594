"""Genomes within limits: exact feasibility, distributions, the one sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .distribution import Distribution, crossover, mutation, prior
    from .sampler import Exhausted, Sampler

__all__ = ["Distribution", "Exhausted", "Sampler", "crossover", "mutation", "prior"]

__getattr__ = lazy(__name__)
