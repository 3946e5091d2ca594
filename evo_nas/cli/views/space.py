"""A space: its size, what it reaches, and what limits leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.results.outlook.fitting import (
    amount,
    fitting,
    limit_rows,
    published_costs,
    up_to,
)
from evo_nas.results.tables import Facts, Table
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import Limit, format_amount
from evo_nas.search.limits import LimitFact, limit_facts
from evo_nas.search.plan import Published
from evo_nas.space.sizes import sizes
from evo_nas.space.space import Space

from .tables import facts_view, table_view


def space_view(
    space: Space, legal: Feasible, limits: Limits, networks: Sequence[Published]
) -> RenderableType:
    """A space: its size, what it reaches, and what limits leave."""
    levels = f"{len(space.levels)} level{'' if len(space.levels) == 1 else 's'}"
    rows = [
        ("FLOPs are counted", space.counted),
        ("choices", f"{len(space.choices)} in {len(space.slots)} slots, {levels}"),
        ("genomes", amount(legal.size)),
        *(_sizes(space) if len(space.levels) > 1 else ()),
    ]
    if legal.minimum is not None and legal.maximum is not None:
        low, high = format_amount(legal.minimum, 5), format_amount(legal.maximum, 5)
        rows.append(("reaches", f"{low} to {high} {legal.limit.unit}"))
    facts = limit_facts(limits, legal)
    if len(facts) > 1 or any(fact.limit.metric != "flops" for fact in facts):
        rows += limit_rows(facts)
    if facts:
        within = legal.limit.range if len(facts) == 1 else "all limits"
        genomes, part = fitting(legal)
        rows.append((f"within {within}", f"{genomes} genomes, {part} of the prior"))
    return Group(
        Text(space.name, style="bold"),
        facts_view(rows),
        table_view(_choices(space)),
        *published_view(networks, judged=bool(facts)),
    )


def _sizes(space: Space) -> Facts:
    """What searching by levels makes of a space of several (GLiT, section 3.3)."""
    found = sizes(space)
    levels = f"{' + '.join(map(amount, found.levels.values()))} = {amount(found.by_levels)}"
    stages = [
        f"level {level} among {up_to(low, high)}" for level, (low, high) in found.stages.items()
    ]
    return [
        ("combinations of options", f"{amount(found.every)}, active or not"),
        ("level by level", f"{levels}, {amount(found.reduction)} times fewer"),
        ("a search by levels", f"{'; '.join(stages)} genomes, as what is decided leaves them"),
    ]


def _choices(space: Space) -> Table:
    """The choices, those of slots that are alike written once."""
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for choice in space.choices:
        prefix = f"{choice.slot}."
        short = "" if choice.name == choice.slot else choice.name.removeprefix(prefix)
        when = ", ".join(
            f"{parent.removeprefix(prefix)} in {_join(sorted(options, key=str))}"
            for parent, options in choice.when.items()
        )
        row = (short, _join(choice.options), str(choice.level), when)
        alike.setdefault(row, []).append(choice.slot or "")
    rows = []
    for (short, *rest), slots in alike.items():
        where = slots[0] if len(slots) == 1 else f"{slots[0]}..{slots[-1]}"
        rows.append((".".join(filter(None, (where, short))), *rest))
    return Table(("choice", "options", "level", "active when"), rows)


def published_view(networks: Sequence[Published], *, judged: bool) -> list[Text]:
    """What published networks of a space cost, and, ``judged``, whether they fit."""
    told = published_costs(networks, judged=judged)
    return [Text(f"published networks of this space, by this counter: {told}")] if told else []


def _join(options: Iterable[object]) -> str:
    return ", ".join(map(str, options))


def space_document(
    space: Space, legal: Feasible, limits: Limits, networks: Sequence[Published]
) -> dict[str, Any]:
    """A space, and what limits leave of it."""
    found = sizes(space)
    return {
        "name": space.name,
        "target": asdict(space.target),
        "budget": next((_budget(cost) for cost in limits.costs if cost.metric == "flops"), None),
        "limits": limits_document(limit_facts(limits, legal)),
        **fitting_document(legal),
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


def limits_document(facts: Sequence[LimitFact]) -> list[dict[str, Any]]:
    """Each limit, and how it is met."""
    return [asdict(fact) | {"limit": str(fact.limit)} for fact in facts]


def fitting_document(legal: Feasible) -> dict[str, Any]:
    """How many genomes are within limits."""
    return {
        "genomes": legal.size,
        "legal": legal.count,
        "share": legal.share,
        "estimated": legal.quota is not None,
        f"minimum_{legal.limit.metric}": legal.minimum,
        f"maximum_{legal.limit.metric}": legal.maximum,
    }
