"""Callbacks: code that watches a run, such as a logger; it changes no result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .callback import Callback, EpochDone, RunBegun, RunEnded, StageEnded

__all__ = ["Callback", "EpochDone", "RunBegun", "RunEnded", "StageEnded"]

__getattr__ = lazy(__name__)
