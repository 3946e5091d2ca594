"""What a run will do, decided before any compute: its stages, and what the budget leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .architectures import published_networks
from .budget import Budget
from .feasible import Feasible
from .search import stage_feasible, stage_space
from .sizes import stage_sizes
from .space import Space
from .strategy import Settings, StagePlan, Strategy


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
    """A published network of the space, and whether the budget admits it."""

    name: str
    flops: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the plan printed at the start tells."""

    space: Space
    budget: Budget
    stages: tuple[StageOutlook, ...]
    published: tuple[Published, ...]


def make_plan(
    spec: str, space: Space, strategy: Strategy, settings: Settings, budget: Budget
) -> Plan:
    """Plan a run of the space that ``spec`` names, and decide the feasibility of all its stages.

    A later stage is feasible because the first admits only what can be completed.

    Raises:
        BudgetError: nothing meets the budget.
    """
    stages = tuple(
        outlook(space, stage, budget, first=position == 0)
        for position, stage in enumerate(strategy.plan(space, settings))
    )
    return Plan(space, budget, stages, published(spec, space, budget))


def outlook(space: Space, stage: StagePlan, budget: Budget, *, first: bool) -> StageOutlook:
    """What is known of a stage before the run."""
    if not first and stage.level is not None:
        smallest, largest = stage_sizes(space, stage.level)
        return StageOutlook(stage, smallest, largest, None)
    searched = stage_space(space, stage, None)
    found = stage_feasible(space, stage, searched, budget)
    size = found.size if found.size is not None else math.nan
    return StageOutlook(stage, size, size, found)


def published(spec: str, space: Space, budget: Budget | None) -> tuple[Published, ...]:
    """The published networks of a space, cheapest first."""
    found = []
    for name, architecture in published_networks().items():
        if architecture.space == spec:
            flops = space.costs(architecture.genome)["flops"]
            found.append(Published(name, flops, budget is None or flops in budget))
    return tuple(sorted(found, key=lambda network: network.flops))
