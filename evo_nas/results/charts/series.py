"""What a chart shows: points, lines and limits, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Points:
    """A group of points; errors are half the length of their bars, all given or none.

    ``notes`` say more of each point to those who hover over it. ``dots`` are small and see-through,
    for hundreds of points; ``joined`` ones have a thin line from each to the next.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    x_errors: Sequence[float] = ()
    y_errors: Sequence[float] = ()
    notes: Sequence[str] = ()
    dots: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A series in the order of x; its band, ``low`` to ``high``, is given whole or not at all.

    ``steps``: a value holds until the next.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    steps: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """A vertical line with its name."""

    name: str
    x: float
