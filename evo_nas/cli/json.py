"""What ``--json`` prints: plain objects of what the views show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evo_nas.analysis.published import Counted
from evo_nas.api import Prepared
from evo_nas.core.plugins import registry
from evo_nas.results.result import Result
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import Limit
from evo_nas.search.limits import LimitFact, limit_facts
from evo_nas.search.plan import Published
from evo_nas.search.scoring import most_frequent
from evo_nas.space.architecture import Architecture
from evo_nas.space.sizes import sizes
from evo_nas.space.space import Space
from evo_nas.testing import Outcome

from .catalogue import Details


def plan_document(prepared: Prepared) -> dict[str, Any]:
    """A plan."""
    return {
        "config": asdict(prepared.config),
        "target": asdict(prepared.plan.space.target),
        "run_folder": str(prepared.folder),
        "limits": _facts(prepared.plan.facts),
        "stages": [
            {
                "name": outlook.stage.name,
                "level": outlook.stage.level,
                "candidates": outlook.stage.candidates,
                "smallest": outlook.smallest,
                "largest": outlook.largest,
                **(_legal(outlook.feasible) if outlook.feasible else {}),
            }
            for outlook in prepared.plan.stages
        ],
        "published": [asdict(network) for network in prepared.plan.published],
    }


def space_document(
    space: Space, legal: Feasible, limits: Limits, networks: Sequence[Published]
) -> dict[str, Any]:
    """A space, and what limits leave of it."""
    found = sizes(space)
    return {
        "name": space.name,
        "target": asdict(space.target),
        "budget": next((_budget(cost) for cost in limits.costs if cost.metric == "flops"), None),
        "limits": _facts(limit_facts(limits, legal)),
        **_legal(legal),
        "sizes": {
            "combinations": found.every,
            "by_level": found.levels,
            "level_by_level": found.by_levels,
            "reduction": found.reduction,
            "searched_at_level": found.stages,
        },
        "choices": [
            asdict(choice) | {"when": {name: sorted(o, key=str) for name, o in choice.when.items()}}
            for choice in space.choices
        ],
        "published": [asdict(network) for network in networks],
    }


def _budget(cost: Limit) -> dict[str, Any]:
    return {"low": cost.least, "high": cost.most, "cost": cost.metric}


def _facts(facts: Sequence[LimitFact]) -> list[dict[str, Any]]:
    return [asdict(fact) | {"limit": str(fact.limit)} for fact in facts]


def _legal(legal: Feasible) -> dict[str, Any]:
    return {
        "genomes": legal.size,
        "legal": legal.count,
        "share": legal.share,
        "estimated": legal.quota is not None,
        f"minimum_{legal.limit.metric}": legal.minimum,
        f"maximum_{legal.limit.metric}": legal.maximum,
    }


def architecture_document(architecture: Architecture) -> dict[str, Any]:
    """An architecture with its options by name and its costs at the target."""
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    return {
        "name": architecture.name,
        "space": architecture.space,
        "genome": list(genome),
        "choices": space.options(genome),
        "target": {"geometry": asdict(space.target), **space.costs(genome)},
    }


def networks_document(counted: Sequence[Counted]) -> list[dict[str, Any]]:
    """Networks with their costs, and what was published of them."""
    return [
        {
            "name": each.architecture.name,
            "space": each.architecture.space,
            **(each.costs or {"problem": each.problem}),
            "published": each.published and asdict(each.published),
        }
        for each in counted
    ]


def details_document(details: Details) -> dict[str, Any]:
    """One plug-in with its options; a default that JSON has no word for is written as text."""
    document = asdict(details)
    for option in document["options"]:
        if not isinstance(option["default"], bool | int | float | str | None):
            option["default"] = str(option["default"])
    return document


def result_document(result: Result) -> dict[str, Any]:
    """A run, finished or not."""
    return {
        "run_folder": str(result.folder),
        "finished": result.best is not None,
        "best": result.best,
        "stages": {
            stage: {
                "candidates": len(result.of(stage, "search")),
                "failed": {
                    phase: {"candidates": len(reasons), "reasons": dict(most_frequent(reasons))}
                    for phase in ("search", "finalists")
                    if (reasons := result.failed(stage, phase))
                },
                "finalists": [
                    {
                        "genome": list(e.genome),
                        "flops": e.flops,
                        "metrics": dict(e.metrics),
                        "failure": e.failure,
                    }
                    for e in result.of(stage, "finalists")
                ],
                "reliability": result.reliability(stage),
            }
            for stage in result.stages
        },
        "rejected": result.facts.get("rejected"),
        "seconds": {f"{stage} {phase}": s for (stage, phase), s in result.spent.items()},
        "images": {f"{stage} {phase}": asdict(i) for (stage, phase), i in result.images.items()},
        "versions": result.facts["versions"],
        "config": asdict(result.config),
    }


def outcomes_document(kind: str, spec: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The checks of a plug-in."""
    passed = all(outcome.status != "failed" for outcome in outcomes)
    return {"kind": kind, "spec": spec, "passed": passed, "checks": [*map(asdict, outcomes)]}
