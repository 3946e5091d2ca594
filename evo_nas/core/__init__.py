"""The ground: random streams, progress, signals, devices, files, plug-ins, worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy

if TYPE_CHECKING:
    from .progress import Progress, Silent
    from .streams import Streams

__all__ = ["Progress", "Silent", "Streams"]

__getattr__ = lazy(__name__)
