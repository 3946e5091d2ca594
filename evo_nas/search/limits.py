"""The limits of a run: what a user gave, resolved, and how each of them is met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evo_nas.core.devices import device_name
from evo_nas.core.plugins import places, registry
from evo_nas.errors import BudgetError, SpaceError, nearest
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.sampling.checks import Bound, Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import Limit, describe_value, merge_limits, parse_limit, parse_range
from evo_nas.space.space import Genome, Space

from .config import Config

DEFAULT = "1.4G"  # FLOPs, where nothing at all is limited
Measure = Callable[[Limit, Genome], float]  # of a full genome


def given_limits(
    space: Space,
    flops: str | None,
    params: str | None = None,
    latency: str | None = None,
    limits: Sequence[str] = (),
) -> tuple[Limit, ...]:
    """What a user gives, one limit for each metric, that on FLOPs first.

    Without any, FLOPs are limited to 1.4G; with others alone they are unlimited.
    """
    ranges = {"flops": flops, "params": params, "latency": latency}
    given = [parse_range(text, metric) for metric, text in ranges.items() if text is not None]
    given += map(parse_limit, limits)
    merged = merge_limits(_absolute(space, limit) for limit in given or [parse_range(DEFAULT)])
    return tuple(sorted(merged, key=lambda limit: limit.metric != "flops"))


def config_texts(limits: Sequence[Limit]) -> tuple[str, tuple[str, ...]]:
    """The limit on FLOPs and all others, as a configuration keeps them."""
    flops = next((each.whole() for each in limits if each.metric == "flops"), Limit("flops"))
    return flops.range, tuple(str(each) for each in limits if each.metric != "flops")


def make_limits(space: Space, given: Sequence[Limit], measure: Measure) -> Limits:
    """Limits with where values come from; ``measure`` gives those that an evaluator says."""
    costs, bounds = [], []
    of_space, known = _metrics(space)
    for limit in given:
        if limit.metric in of_space:
            costs.append(limit.whole())
        elif limit.metric in known:
            bounds.append(Bound(limit, partial(_look_up, space, limit.metric)))
        else:
            bounds.append(Bound(limit, partial(measure, limit), measured=True))
    return Limits(tuple(limit for limit in costs if limit.bounded), tuple(bounds))


def space_limits(
    space: Space, flops: str | None, params: str | None, limits: Sequence[str]
) -> Limits:
    """The limits by which a space is looked at; none are needed, and nothing is measured."""
    if flops is None and params is None and not limits:
        return Limits(())
    return make_limits(space, given_limits(space, flops, params, None, limits), unmeasured)


def describe_limits(limits: Sequence[Limit], separator: str = " ", unit: str = "") -> str:
    """Limits in one text, for people and names of folders."""
    return separator.join(
        f"{each.range}{unit}" if each.metric == "flops" else _short(each)
        for each in limits
        if each.bounded
    )


def describe_config(config: Config) -> str:
    """All limits of a run for people, with units."""
    return describe_limits(config.every_limit, ", ", " FLOPs")


def _short(limit: Limit) -> str:
    return str(replace(limit, metric=registry.short(limit.metric)))


def unmeasured(limit: Limit, genome: Genome) -> float:
    """For limits of which nothing will be measured."""
    raise AssertionError(f"{limit} is measured in a run only, not for {genome}")


def _look_up(space: Space, metric: str, full: Genome) -> float:
    return space.metrics(full)[metric]


def absolute(text: str) -> str:
    """A limit with the path of its evaluator made absolute."""
    return str(_found_anywhere(parse_limit(text)))


def _absolute(space: Space, limit: Limit) -> Limit:
    """The limit with its metric checked, and found again from any folder."""
    costs, known = _metrics(space)
    if limit.metric in costs or limit.metric in known:
        return limit
    if not names_evaluator(limit):
        raise BudgetError(
            f"limit {str(limit)!r}: unknown metric {limit.metric!r}; "
            f"{nearest(limit.metric, {*costs, *known, *registry.names('evaluator')})}"
        )
    return _found_anywhere(limit)


def names_evaluator(limit: Limit) -> bool:
    """Whether an evaluator gives the metric, by its spec; else it is a cost, or known results."""
    target = limit.spec.partition("?")[0]
    return ":" in target or target in registry.names("evaluator")


def _found_anywhere(limit: Limit) -> Limit:
    spec, mark, name = limit.metric.partition("#")
    return replace(limit, metric=f"{places.absolute('evaluator', spec)}{mark}{name}")


def _metrics(space: Space) -> tuple[set[str], set[str]]:
    """The names of a space's costs, and of what is known of its networks."""
    genome = space.canonical((0,) * len(space.choices))
    try:
        known = set(space.metrics(genome))
    except SpaceError:  # it is not a space of known results
        known = set()
    return set(space.costs(genome)), known


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
    reached = {str(each.limit): each for each in legal.exact}
    measured = {str(bound.limit) for bound in limits.bounds if bound.measured}
    drawn = legal.quota.drawn if legal.quota else None
    rejecting = legal.quota.alone if legal.quota else {}
    facts = []
    for limit in limits.every():
        name = str(limit)
        fact = LimitFact(limit, "rejection" if name in rejecting else "exact")
        if name in reached:
            fact = replace(fact, minimum=reached[name].minimum, maximum=reached[name].maximum)
        if drawn is not None and name in rejecting:
            fact = replace(fact, share=rejecting[name] / drawn, drawn=drawn)
        if name in measured:
            fact = replace(fact, how="measured", conditions=_conditions(limit))
        facts.append(fact)
    return tuple(facts)


def told_feasible(legal: Feasible, limits: Limits | None, device: str) -> Iterator[str]:
    """What fits, where that is known, and of ``limits`` how they are met there."""
    if legal.count is not None and legal.share is not None:
        yield (
            f"{legal.count:,.4g} of {legal.size:,.4g} genomes fit, "
            f"{100 * legal.share:.3g}% of the prior"
        )
    for fact in limit_facts(limits, legal) if limits else ():
        yield describe_fact(fact, device)


def describe_fact(fact: LimitFact, device: str = "") -> str:
    """A limit in words."""
    limit = fact.limit
    told = _short(limit)
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
