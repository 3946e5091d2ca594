"""Networks that a comparison sets beside those that were found: given ones, and drawn ones.

Each is trained, once for each seed, by a run of its own: a strategy that proposes it alone.

Why: docs/decisions/045-equal-flops.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from evo_nas import api
from evo_nas.core import paths
from evo_nas.core.plugins import places, registry
from evo_nas.errors import EvoNasError, SettingsError, SpaceError
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.results.networks.names import find_untrained
from evo_nas.results.result import Result
from evo_nas.space.costs.verification import network_costs
from evo_nas.space.space import Space
from evo_nas.training.loop import images_trained

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
        own, config = prepared.plan.space, prepared.config
        given, genome = self.reference.space, self.reference.genome
        target = widest(own, genome, own.target, found.best["target"]["flops"])
        trained = network_costs(found.space, tuple(found.best["genome"]), found.config.geometry)
        proxy = widest(own, genome, config.geometry, trained["flops"])
        if target is None or proxy is None:
            raise SpaceError(
                f"reference {self.reference.given}: at no width it costs as little as the network "
                f"of {found.folder}"
            )
        shape = config.geometry
        return {
            "space": scaled_spec(given, target),
            "geometry": f"proxy,image_size={shape.image_size},patch_size={shape.patch_size},"
            f"width={proxy},heads={shape.heads}",
        }


def _epochs_of(found: Result, prepared: api.Prepared) -> int:
    """For how many epochs a network can be trained at the cost of a whole search."""
    data = prepared.data
    each = 3 * images_trained(prepared.config.recipe.train, 1, len(data.train))
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
    own: Space = registry.load("space", spec)
    genome = own.check(found.genome)
    for field in ("image_size", "channels", "classes"):
        here, there = getattr(own.target, field), getattr(searched.target, field)
        if here != there:
            raise SettingsError(
                f"reference {name}: its FLOPs are counted at {field} {here}, those of "
                f"{registry.short(space)} at {there}, which says nothing of each other; leave it "
                "out, or search a space with the same target"
            )
    return Reference(given, name, spec, genome, scales(spec, genome))


def check_trained(prepared: api.Prepared) -> None:
    """Raise a SettingsError unless epochs say how long a network is trained."""
    retrainer: Evaluator = registry.load("evaluator", prepared.config.retrainer)
    if not (retrainer.keeps_weights and len(prepared.data.train)):
        raise SettingsError(
            f"reference {LONG}: retrainer {prepared.config.retrainer} trains no network for "
            "epochs, as train does; leave it out"
        )
