"""How each limit of a run is met, and what is known of it before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.core.devices import device_name
from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import Limit, describe_value


@dataclass(frozen=True, slots=True)
class LimitFact:
    """A limit, and whether it is met exactly, by "rejection", or has to be "measured".

    ``minimum`` and ``maximum`` are what the space reaches. ``share`` is what part of the genomes
    that the exact limit admits meets it, estimated from ``drawn`` of them. ``conditions`` are those
    under which its evaluator measures networks.
    """

    limit: Limit
    how: str
    minimum: float | None = None
    maximum: float | None = None
    share: float | None = None
    drawn: int | None = None
    conditions: str = ""


def limit_facts(limits: Limits, legal: Feasible) -> tuple[LimitFact, ...]:
    """What is known of each limit where ``legal`` is what can be searched."""
    reached, quota = {str(each.limit): each for each in legal.exact}, legal.quota
    measured = {str(bound.limit) for bound in limits.bounds if bound.measured}
    facts = []
    for limit in limits.every():
        name = str(limit)
        alone = reached.get(name)
        rejecting = quota is not None and name in quota.alone
        facts.append(
            LimitFact(
                limit,
                "measured" if name in measured else "rejection" if rejecting else "exact",
                alone.minimum if alone else None,
                alone.maximum if alone else None,
                quota.alone[name] / quota.drawn if quota and rejecting else None,
                quota.drawn if quota and rejecting else None,
                _conditions(limit) if name in measured else "",
            )
        )
    return tuple(facts)


def describe_fact(fact: LimitFact, device: str = "") -> str:
    """A limit in words."""
    limit = fact.limit
    told = str(Limit(registry.short(limit.metric), limit.low, limit.high))
    on = told_conditions(fact.conditions, device)
    told += {
        "exact": ": met exactly",
        "rejection": ": by rejection on top",
        "measured": f": measured for each candidate as it is drawn{', ' if on else ''}{on}",
    }[fact.how]
    if fact.minimum is not None and fact.maximum is not None:
        low, high = (describe_value(limit.metric, v) for v in (fact.minimum, fact.maximum))
        told += f"; the space reaches {low.split(' ')[0]} to {high}"
    if fact.share is not None:
        told += (
            f"; {100 * fact.share:.3g}% of {fact.drawn:,} draws within the exact limit can meet it"
        )
    return told


def measured_under(limits: Limits, specs: Sequence[str], device: str) -> dict[str, str]:
    """Under what was measured, where that matters.

    By its text each limit that had to be measured, by its spec each of these evaluators whose
    metrics depend on that.
    """
    found = [bound.limit for bound in limits.bounds if bound.measured]
    loaded = {spec: registry.load("evaluator", spec) for spec in specs}
    return {str(limit): told_conditions(_conditions(limit), device) for limit in found} | {
        spec: told_conditions(evaluator.conditions, device)
        for spec, evaluator in loaded.items()
        if evaluator.conditions
    }


def _conditions(limit: Limit) -> str:
    evaluator: Evaluator = registry.load("evaluator", limit.spec)
    return evaluator.conditions


def told_conditions(conditions: str, device: str) -> str:
    """What a measured value holds for: the device matters where its evaluator tells conditions."""
    model = f" ({device_name(device)})" if device and conditions else ""
    return ", ".join(filter(None, [conditions, f"on {device}{model}" if device else ""]))
