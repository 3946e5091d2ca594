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
from evo_nas.core.plugins.origins import is_ours
from evo_nas.errors import EvoNasError, SpaceError, in_short
from evo_nas.space.coverage import representative
from evo_nas.space.space import Costs, Genome, Geometry, Space

from .alike import found_of_alike
from .flops import count

_HOPELESS = 10  # networks that could not be counted, when none could
_SHIPPED_SECONDS = 0.5  # for a space that comes with evo-nas, and was tested
_SECONDS = 3.0  # for others
_THOROUGH_SECONDS = 30.0  # where an author asks what is to be mended
_FEWEST = 24  # networks of others, so that a busy machine notices what an idle one does
_FEWEST_SECONDS = 20.0  # which these may take
_TWICE = 4  # networks that are counted on two images


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


def network_costs(
    space: Space, genome: Genome, at: Geometry | None = None, *, again: bool = False
) -> Costs:
    """What is counted in the whole network of a genome, ``at`` its space's target by default.

    With ``again`` image and weights are others, which ought to change nothing.

    Raises:
        SpaceError: it cannot be built, as that of a table of results, or cannot be counted.
    """
    at = at or space.target
    # Not blank, so that what depends on the image shows; the other one is all dark, or all bright.
    shape = (1, at.channels, at.image_size, at.image_size)
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    if again:
        image = image.abs() * (-3 if image.sum() > 0 else 3)
    try:
        # One small image: on a busy machine more threads than one wait for each other.
        with torch.random.fork_rng(devices=[]), torch_threads(1):
            torch.default_generator.manual_seed(int(again))
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


def built_costs(space: Space, genome: Genome, at: Geometry) -> Costs:
    """What the network ``at`` a geometry costs; the parameters alone if it cannot be counted."""
    try:
        return network_costs(space, genome, at)
    except SpaceError:
        network = space.build(genome, at)
        return {"params": sum(parameter.numel() for parameter in network.parameters())}


def shown_costs(space: Space, genome: Genome) -> Costs:
    """What a network costs, for people to read: counted, unless sums of its space are tested."""
    return space.costs(genome) if is_ours(type(space).__module__) else true_costs(space, genome)


def verify(space: Space, genomes: Iterable[Genome], seconds: float, fewest: int = 1) -> Agreement:
    """Count the networks of these genomes for so many seconds, the ``fewest`` at any rate.

    Raises:
        SpaceError: one of them costs something else than the space says, or than it did before.
    """
    began, counted, problem = time.monotonic(), 0, ""
    for tried, genome in enumerate(genomes):
        if time.monotonic() - began > (seconds if tried >= fewest else _FEWEST_SECONDS):
            break
        if tried == _HOPELESS and not counted:
            break
        try:
            costs = network_costs(space, genome)
            again = network_costs(space, genome, again=True) if tried < _TWICE else costs
        except SpaceError as error:  # a candidate that fails is a result
            problem = in_short(str(error))
            continue
        require_agreement(space, genome, costs)
        _require_constancy(space, genome, costs, again)
        counted += 1
    return Agreement(counted, problem)


def verify_quickly(space: Space) -> Agreement:
    """Count a few networks before a run, once in a command: extremes, pairs of values, then any."""
    found = found_of_alike(space)
    if "agreement" not in found:
        agreement = _verify_representative(space, _SECONDS)
        if space.own_target is not None and agreement.problem and not agreement.networks:
            raise SpaceError(f"target {space.target}: {agreement}")
        found["agreement"] = agreement
    return found["agreement"]  # type: ignore[no-any-return]


def verify_thoroughly(space: Space) -> Agreement:
    """Count the networks of all pairs of values of slots, of neighbours first, and some more."""
    return _verify_representative(space, _THOROUGH_SECONDS)


def _verify_representative(space: Space, seconds: float) -> Agreement:
    if is_ours(type(space).__module__):
        return verify(space, representative(space), _SHIPPED_SECONDS)
    return verify(space, representative(space), seconds, _FEWEST)


def require_agreement(space: Space, genome: Genome, counted: Costs) -> None:
    """Raise a SpaceError unless the space says of a genome what was counted in its network."""
    for name, told in space.costs(genome).items():
        if name not in counted or counted[name] == told:
            continue
        _require_constancy(space, genome, counted, network_costs(space, genome))
        if space.own_target is not None:
            says = f"it says {told:,} {name}"
            then = (
                f"so its costs do not follow its target to {space.target}; leave target out, or "
                "let what it counts depend on self.target"
            )
        elif type(space).costs is Space.costs:
            says = f"the {name} of slots add up to {told:,}"
            then = (
                "put choices that bear on one another's costs into one slot, or into none, or "
                "derive from Space and define costs"
            )
        else:
            says = f"costs says {told:,} {name}"
            then = "let it say what evo_nas.space.count counts in the network"
        raise SpaceError(
            f"space {space.name}: {says} for {_choices(space, genome)}, and its network has "
            f"{counted[name]:,}; {then}"
        )


def _require_constancy(space: Space, genome: Genome, costs: Costs, again: Costs) -> None:
    """Raise a SpaceError if a second count of a network gave something else."""
    for name, cost in costs.items():
        if again[name] != cost:
            raise SpaceError(
                f"space {space.name}: the network of {_choices(space, genome)} has {cost:,} {name} "
                f"at one time and {again[name]:,} at another; let what is built and computed "
                "depend on genome and geometry alone, neither on chance nor on what is in an image"
            )


def _choices(space: Space, genome: Genome) -> str:
    """A genome for people."""
    return ", ".join(f"{name}={option}" for name, option in space.options(genome).items())
