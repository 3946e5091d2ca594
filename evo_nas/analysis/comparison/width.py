"""The width at which a network costs as much as another one, by whole counts.

Why: docs/decisions/045-equal-flops.md.
"""

from __future__ import annotations

import math
from dataclasses import replace

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError
from evo_nas.space.costs.verification import network_costs
from evo_nas.space.space import Genome, Geometry, Space

_WIDER = 4  # as many times is looked for


def scaled_spec(spec: str, width: int) -> str:
    """The spec of a space at another width of its target."""
    return registry.with_option(registry.with_option("scaled", "space", spec), "width", str(width))


def widest(space: Space, genome: Genome, at: Geometry, most: int) -> int | None:
    """The width with which a network, otherwise ``at`` a geometry, has at most so many FLOPs.

    The greatest such, where FLOPs grow with the width; None where none is found. Widths that the
    space does not build are passed over.
    """
    found, low, high, guess = None, 0, _WIDER * at.width, at.width
    while low < high:
        guess = min(max(guess, low + 1), high)
        width, flops = _next_below(space, genome, at, guess, low)
        if width == low:  # none is built from there to the guess
            low, guess = guess, guess + 1
            continue
        if flops <= most:
            found, low = width, guess
        else:
            high = width - 1
        guess = round(width * math.sqrt(most / flops))  # most of them grow with the square
    return found


def scales(spec: str, genome: Genome) -> bool:
    """Whether a network's FLOPs depend on the width, and its space says so at any target."""
    space: Space = registry.load("space", spec)
    own = _flops(space, genome, space.target)
    if own is None:
        return False
    width, flops = _next_below(space, genome, space.target, space.target.width - 1)
    if width == 0 or flops == own:
        return False
    narrow: Space = registry.load("space", scaled_spec(spec, width))
    return narrow.costs(genome)["flops"] == flops


def _next_below(
    space: Space, genome: Genome, at: Geometry, width: int, end: int = 0
) -> tuple[int, int]:
    """The next width, not above this one, that is built, with the FLOPs; ``end``, 0 if none is."""
    for tried in range(width, end, -1):
        flops = _flops(space, genome, replace(at, width=tried))
        if flops is not None:
            return tried, flops
    return end, 0


def _flops(space: Space, genome: Genome, at: Geometry) -> int | None:
    """What is counted in the whole network; None where it cannot be built, or counted."""
    try:
        return network_costs(space, genome, at)["flops"]
    except EvoNasError:
        return None
