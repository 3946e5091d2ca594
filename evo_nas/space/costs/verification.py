"""Whole networks, counted, and compared with the costs that their space tells.

Costs of slots may not add up, or be of other networks than the space builds. No look at slots shows
that; so whole networks are counted where it matters what they cost.

Why: docs/decisions/034-whole-counts.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from evo_nas.core.devices import torch_threads
from evo_nas.core.plugins.blame import ANYHOW, describe
from evo_nas.errors import EvoNasError, SpaceError, in_short
from evo_nas.space.coverage import representative
from evo_nas.space.space import Costs, Genome, Space

from .flops import count

_HOPELESS = 10  # networks that could not be counted, when none could
_SHIPPED_SECONDS = 0.5  # for a space that comes with evo-nas, and was tested
_SECONDS = 3.0  # for others
_THOROUGH_SECONDS = 30.0  # where an author asks what is to be mended


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many whole ``networks`` cost what their space says, and a ``problem`` with others."""

    networks: int
    problem: str = ""

    def __str__(self) -> str:
        which = f"{self.networks} whole network{'s agree' if self.networks > 1 else ' agrees'}"
        if not self.networks:
            return f"no whole network was counted: {self.problem}"
        return f"{which}; some could not be counted: {self.problem}" if self.problem else which


def network_costs(space: Space, genome: Genome) -> Costs:
    """What is counted in the whole network of a genome, at the target of its space.

    Raises:
        SpaceError: it cannot be built, as that of a table of results, or cannot be counted.
    """
    at = space.target
    # Not blank: what a network computes must not depend on what is in the image.
    shape = (1, at.channels, at.image_size, at.image_size)
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    try:
        # One small image: on a busy machine more threads than one wait for each other.
        with torch.random.fork_rng(devices=[]), torch_threads(1):
            return count(space.build(genome, at), image, handles=space.flop_handles)
    except EvoNasError:
        raise
    except ANYHOW as error:  # a plug-in may fail in any way
        raise SpaceError(f"the network of {genome} cannot be counted: {describe(error)}") from error


def true_costs(space: Space, genome: Genome) -> Costs:
    """What is counted in the whole network; where it cannot be counted, what the space says."""
    try:
        return network_costs(space, genome)
    except SpaceError:
        return space.costs(genome)


def verify(space: Space, genomes: Iterable[Genome], seconds: float) -> Agreement:
    """Count the networks of these genomes until it took so many seconds; one at least.

    Raises:
        SpaceError: one of them costs something else than the space says.
    """
    began, counted, problem = time.monotonic(), 0, ""
    for tried, genome in enumerate(genomes):
        if tried and time.monotonic() - began > seconds:
            break
        if tried == _HOPELESS and not counted:
            break
        try:
            costs = network_costs(space, genome)
        except SpaceError as error:  # a candidate that fails is a result
            problem = in_short(str(error))
            continue
        require_agreement(space, genome, costs)
        counted += 1
    return Agreement(counted, problem)


def verify_quickly(space: Space) -> Agreement:
    """Count a few networks before a run: extremes, pairs of values of slots, then any."""
    seconds = _SHIPPED_SECONDS if _is_shipped(space) else _SECONDS
    return verify(space, representative(space), seconds)


def verify_thoroughly(space: Space) -> Agreement:
    """Count the networks of all pairs of values of slots, of neighbours first, and some more."""
    seconds = _SHIPPED_SECONDS if _is_shipped(space) else _THOROUGH_SECONDS
    return verify(space, representative(space), seconds)


def _is_shipped(space: Space) -> bool:
    return type(space).__module__.startswith("evo_nas.")


def require_agreement(space: Space, genome: Genome, counted: Costs) -> None:
    """Raise a SpaceError unless the space says of a genome what was counted in its network."""
    for name, told in space.costs(genome).items():
        if name not in counted or counted[name] == told:
            continue
        if network_costs(space, genome)[name] != counted[name]:
            raise SpaceError(
                f"space {space.name}: the network of {_choices(space, genome)} has other {name} "
                "each time it is built; let build() depend on genome and geometry alone"
            )
        raise SpaceError(
            f"space {space.name}: the {name} of slots add up to {told:,} for "
            f"{_choices(space, genome)}, and its network has {counted[name]:,}; put choices that "
            "bear on one another's costs into one slot, or into none, or derive from Space and "
            "define costs"
        )


def _choices(space: Space, genome: Genome) -> str:
    """A genome for people."""
    return ", ".join(f"{name}={option}" for name, option in space.options(genome).items())
