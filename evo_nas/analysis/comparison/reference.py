"""Networks that a comparison sets beside those that were found: given ones, and drawn ones.

Each is trained, once for each seed, by a run of its own: a strategy that proposes it alone.

Why: docs/decisions/045-equal-flops.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from evo_nas import api
from evo_nas.core import paths
from evo_nas.core.plugins import places, registry
from evo_nas.errors import EvoNasError, SettingsError, SpaceError
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.results.networks.names import find_untrained
from evo_nas.results.result import Result
from evo_nas.space.costs.target import with_target, without_target
from evo_nas.space.costs.verification import network_costs
from evo_nas.space.space import OF_IMAGES, Geometry, Space
from evo_nas.training.ledger import Ledger
from evo_nas.training.loop import images_taught, images_trained

from .width import scaled_spec, scales, widest

LARGEST, SMALLEST, RANDOM, LONG = "largest", "smallest", "random", "long"
# Those that are drawn within the comparison's limits: the name of the row, and the strategy.
_DRAWN: Mapping[str, tuple[str, str]] = {
    LARGEST: ("largest network", "largest"),
    SMALLEST: ("smallest network", "smallest"),
    RANDOM: ("random network", "random"),
    LONG: ("random network, long", "random"),
}
# Nothing of a search is used, and a given network is trained whatever it costs.
_ALONE: Mapping[str, Any] = {"finalists": 1, "halving": 1, "inherit": False, "supernet": None}
_WITHOUT_LIMITS: Mapping[str, Any] = {
    "flops": "unlimited", "params": None, "latency": None, "limits": (),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """What was ``given``: a network drawn within the limits, or that of a genome of a space.

    The genome is kept with its space, a spec, as the file that named it may change. Where the
    network ``scales``, it is also trained at the width at which it costs what was found.
    """

    given: str
    name: str
    space: str = ""
    genome: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = ()
    scales: bool = False

    @property
    def changes(self) -> dict[str, Any]:
        """To the arguments of a comparison's runs, for one that trains the network."""
        if not self.space:
            return {**_ALONE, "strategy": _DRAWN[self.given][1]}
        genome = ",".join(map(str, self.genome))
        strategy = registry.with_option("given", "genome", genome)
        return {**_ALONE, **_WITHOUT_LIMITS, "space": self.space, "strategy": strategy}

    @property
    def rows(self) -> tuple[ReferenceRow, ...]:
        """Its rows in a comparison: one, and another one where it scales."""
        own = ReferenceRow(self, self.name)
        scaled = ReferenceRow(self, f"{self.name}, equal FLOPs", scaled=True)
        return (own, scaled) if self.scales else (own,)


class ReferenceRow(NamedTuple):
    """One row; where it is ``scaled``, it costs what was found."""

    reference: Reference
    name: str
    scaled: bool = False

    @property
    def follows(self) -> bool:
        """Whether what is trained follows from a search that is finished."""
        return self.scaled or self.reference.given == LONG

    def changes(self, arguments: Mapping[str, Any], found: Result) -> dict[str, Any]:
        """To the ``arguments`` of the search that has ``found`` something."""
        changes = self.reference.changes
        if not self.follows:
            return changes
        prepared = api.prepare(**{**arguments, **changes})
        if self.reference.given == LONG:
            return changes | {"finalist_epochs": _epochs_of(found, prepared)}
        return changes | self._at_equal_flops(prepared, found)

    def _at_equal_flops(self, prepared: api.Prepared, found: Result) -> dict[str, Any]:
        """The widths, at the target and where it is trained, at which it costs no more."""
        assert found.best is not None, "the search is finished"
        own, most = prepared.plan.space, found.best["target"]["flops"]
        changes = {"space": scaled_spec(self.reference.space, self._width(own, own.target, most))}
        if prepared.config.data == "none":  # no network is built
            return changes
        at, genome = prepared.config.geometry, tuple(found.best["genome"])
        most = network_costs(found.space, genome, found.config.geometry)["flops"]
        sizes = asdict(replace(at, width=self._width(own, at, most)))
        told = [f"{name}={sizes[name]}" for name in ("image_size", "patch_size", "width", "heads")]
        return changes | {"geometry": ",".join(told)}

    def _width(self, space: Space, at: Geometry, most: int) -> int:
        width = widest(space, self.reference.genome, at, most)
        if width is None:
            raise SpaceError(
                f"reference {self.reference.name}: {at}, it has more than {most:,} FLOPs at any "
                "width, and the found network has no more; leave it out"
            )
        return width


def _epochs_of(found: Result, prepared: api.Prepared) -> int:
    """For how many epochs a network can be trained at the cost of a whole search."""
    data = prepared.data
    an_epoch = prepared.config.recipe.train, 1, len(data.train)
    each = Ledger(images_trained(*an_epoch), images_taught(*an_epoch)).passes
    return max((found.cost.passes - len(data.validation)) // each, 1)


def find_reference(given: str, space: str) -> Reference:
    """What a user names: an architecture as ``evo-nas train`` takes it, or one of those drawn.

    ``space`` is the one that is searched.

    Raises:
        EvoNasError: there is no such network, or it does not belong to its space.
        SettingsError: it is counted at another target, so that FLOPs say nothing of it.
    """
    if given in _DRAWN:
        return Reference(given, _DRAWN[given][0])
    try:
        found = find_untrained(given)
    except EvoNasError as error:
        raise type(error)(f"reference {error}; drawn ones are {', '.join(_DRAWN)}") from error
    spec = places.absolute("space", found.space)
    path = paths.expanded(given)
    given, name = (
        (str(paths.absolute(path)), found.name)
        if os.path.exists(path)
        else (places.absolute("network", given), given)
    )
    searched: Space = registry.load("space", space)
    spec = _at_target_of(spec, space, searched)
    own: Space = registry.load("space", spec)
    genome = own.check(found.genome)
    for field in OF_IMAGES:
        here, there = getattr(own.target, field), getattr(searched.target, field)
        if here != there:
            raise SettingsError(
                f"reference {name}: its FLOPs are counted at {field} {here}, those of "
                f"{registry.short(space)} at {there}, which says nothing of each other; leave it "
                "out, or search a space with the same target"
            )
    return Reference(given, name, spec, genome, scales(spec, genome))


def _at_target_of(spec: str, space: str, searched: Space) -> str:
    """The spec of a reference's space, at the target that a user has chosen for the ``searched``.

    Its own width stays where it is another space.
    """
    own: Space = registry.load("space", spec)
    if searched.own_target is None or own.own_target is not None:
        return spec
    if spec == without_target(space):
        return space
    at = {name: getattr(searched.target, name) for name in (*OF_IMAGES, "patch_size")}
    known = {name: size for name, size in at.items() if name in own.target_sizes}
    return with_target(spec, own.target, replace(own.target, **known))


def check_trained(prepared: api.Prepared) -> None:
    """Raise a SettingsError unless epochs say how long a network is trained."""
    retrainer: Evaluator = registry.load("evaluator", prepared.config.retrainer)
    if not (retrainer.keeps_weights and len(prepared.data.train)):
        raise SettingsError(
            f"reference {LONG}: retrainer {prepared.config.retrainer} trains no network for "
            "epochs, as train does; leave it out"
        )
