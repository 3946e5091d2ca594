"""Plug-ins: found by name or path, given options, blamed where they fail, trusted or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .options import Code, FilePath, Program, Spec, above, at_least, at_most, below
    from .registry import load, names
    from .specs import spec_of

__all__ = [
    "Code",
    "FilePath",
    "Program",
    "Spec",
    "above",
    "at_least",
    "at_most",
    "below",
    "load",
    "names",
    "spec_of",
]

__getattr__ = lazy(__name__)
