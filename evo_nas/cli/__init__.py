"""People: commands, terminal views, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .app import main

__all__ = ["main"]

__getattr__ = lazy(__name__)
