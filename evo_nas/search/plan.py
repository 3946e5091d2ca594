"""What a run will do, decided before any compute: its stages, and what the budget leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import Limit
from evo_nas.space.costs.target import without_target
from evo_nas.space.costs.verification import Agreement, verify_quickly
from evo_nas.space.sizes import stage_sizes
from evo_nas.space.space import Space
from evo_nas.strategies import checks
from evo_nas.strategies.base import StagePlan, Strategy
from evo_nas.strategies.settings import Settings

from .architectures import published_networks
from .limits import LimitFact, limit_facts
from .stage import stage_feasible


@dataclass(frozen=True, slots=True)
class StageOutlook:
    """A planned stage. ``feasible`` is None while it depends on earlier stages.

    ``smallest`` and ``largest`` are the numbers of canonical genomes that it may have.
    """

    stage: StagePlan
    smallest: float
    largest: float
    feasible: Feasible | None


@dataclass(frozen=True, slots=True)
class Published:
    """A published network of the space, and whether the limits on what is known of it admit it."""

    name: str
    flops: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the plan printed at the start tells."""

    space: Space
    limits: Limits
    stages: tuple[StageOutlook, ...]
    published: tuple[Published, ...]
    agreement: Agreement

    @property
    def budget(self) -> Limit:
        """The limit on FLOPs."""
        return next((c for c in self.limits.costs if c.metric == "flops"), Limit("flops"))

    @property
    def facts(self) -> tuple[LimitFact, ...]:
        """How the limits are met in the first stage."""
        first = self.stages[0].feasible
        assert first is not None, "the first stage depends on no other"
        return limit_facts(self.limits, first)


def make_plan(
    spec: str, space: Space, strategy: Strategy, settings: Settings, limits: Limits
) -> Plan:
    """Plan a run of the space that ``spec`` names, and decide the feasibility of all its stages.

    A later stage is feasible because the first admits only what can be completed. Of limits that
    take measuring, nothing is decided before the run.

    Raises:
        EvoNasError: nothing fits, or a whole network costs something else than the space says.
    """
    stages = tuple(
        outlook(space, stage, limits.quick(), first=position == 0)
        for position, stage in enumerate(checks.plan(strategy, space, settings))
    )
    return Plan(space, limits, stages, published(spec, space, limits), verify_quickly(space))


def outlook(space: Space, stage: StagePlan, limits: Limits, *, first: bool) -> StageOutlook:
    """What is known of a stage before the run."""
    if not first and stage.level is not None:
        smallest, largest = stage_sizes(space, stage.level)
        return StageOutlook(stage, smallest, largest, None)
    found = stage_feasible(space, stage, limits)
    size = found.size if found.size is not None else math.nan
    return StageOutlook(stage, size, size, found)


def published(spec: str, space: Space, limits: Limits) -> tuple[Published, ...]:
    """The published networks of a space, cheapest first."""
    found = []
    for name, architecture in published_networks().items():
        if architecture.space == without_target(spec):
            flops = space.costs(architecture.genome)["flops"]
            met = limits.quick().verdicts(space, space.canonical(architecture.genome))
            found.append(Published(name, flops, all(met.values())))
    return tuple(sorted(found, key=lambda network: network.flops))
