"""Checks of a space: of its genomes, its networks, its shared weights."""

from __future__ import annotations

from collections.abc import Callable

from evo_nas.space.space import Space

from .check import Check, require
from .supernets import SupernetChecks


def check_space(space: str | Space | Callable[[], Space], samples: int = 2) -> None:
    """Make all :func:`space_checks`; a ConformanceError lists what failed."""
    require(f"space {_named(space)}", space_checks(space, samples))


def space_checks(space: str | Space | Callable[[], Space], samples: int = 2) -> list[Check]:
    """The checks of a space, to be called one by one; nothing is loaded before the first call.

    Args:
        space: a spec as on the command line, a class or function that makes the space, or the
            space itself (then what needs a second one is skipped).
        samples: genomes whose networks are built; costs and choices are checked on 30.
    """
    return SupernetChecks(space, samples).checks()


def _named(space: object) -> str:
    return space if isinstance(space, str) else getattr(space, "name", repr(space))
