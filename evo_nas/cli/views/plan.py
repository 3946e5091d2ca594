"""What people see in a terminal: plans, spaces, architectures, results, as rich renderables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evo_nas.analysis.published import Counted
from evo_nas.api import Prepared
from evo_nas.sampling.budget import format_amount
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.search.limit_facts import LimitFact, describe_fact, limit_facts
from evo_nas.search.plan import Published, StageOutlook
from evo_nas.space.sizes import sizes
from evo_nas.space.space import Genome, Space
from evo_nas.space.table import SlotTable, slot_table
from evo_nas.strategies.base import Settings

from .architecture import picture
from .plan_words import evaluators, processes
from .tables import fact_grid, plain_table


def plan_view(prepared: Prepared) -> RenderableType:
    """What a run will do: printed at its start."""
    config, plan, data = prepared.config, prepared.plan, prepared.data
    facts = [
        ("space", config.space),
        ("strategy", f"{config.strategy}, seed {config.seed}"),
        *_limits(prepared),
        ("FLOPs are counted", plan.space.counted),
        ("scores come from", evaluators(prepared)),
        *(_training(prepared) if len(data.train) else [("images", "none are needed")]),
        ("computed on", processes(prepared)),
        ("settings", _settings(config.settings)),
        ("run folder", str(prepared.folder)),
    ]
    return Group(
        Text("Plan", style="bold"),
        fact_grid(*facts),
        _stage_table(plan.stages, config.recipe.supernet.epochs),
        *_published(plan.published, judged=True),
    )


def _training(prepared: Prepared) -> list[tuple[str, str]]:
    """What a run that looks at images does with them."""
    config, data, phases = prepared.config, prepared.data, prepared.config.recipe
    return [
        (
            "accuracy is measured",
            f"at the proxy: {config.geometry}; on {config.data}: {len(data.train):,} training and "
            f"{len(data.validation):,} validation images; the test split is read once, at the end",
        ),
        ("training images are", data.train.kept),
        (
            "recipe",
            f"{phases.name}: supernet {phases.supernet.epochs} epochs, finalists "
            f"{phases.train.epochs} epochs each"
            f"{', from the supernet' if config.inherit else ''}",
        ),
    ]


def _limits(prepared: Prepared) -> list[tuple[str, str]]:
    """The budget; of several limits, how each is met."""
    plan = prepared.plan
    rows = [("budget", f"{plan.budget} FLOPs (1 FLOP = 1 multiply-accumulate)")]
    if not prepared.config.limits:
        return rows
    first, *later = [outlook.stage.name for outlook in plan.stages]
    label = f"limits in {first}" if later else "limits"
    rows += limit_rows(plan.facts, prepared.config.device, label)
    told = "the same; how each is met follows from what is decided before, and is said then"
    return rows + [(f"limits in {name}", told) for name in later]


def limit_rows(
    facts: Sequence[LimitFact], device: str = "", label: str = "limits"
) -> list[tuple[str, str]]:
    """Each limit, and how it is met."""
    told = [describe_fact(fact, device) for fact in facts]
    return [("" if number else label, text) for number, text in enumerate(told)]


def _settings(settings: Settings) -> str:
    return ", ".join(
        f"{field.name.replace('_', ' ')} {getattr(settings, field.name)}"
        for field in fields(settings)
    )


def _stage_table(stages: Iterable[StageOutlook], epochs: int) -> Table:
    table = plain_table("stage", "decides", ">genomes", ">fit the budget", ">share", ">candidates")
    for outlook in stages:
        stage = outlook.stage
        size = _amount(outlook.smallest)
        if outlook.largest != outlook.smallest:
            size += f" to {_amount(outlook.largest)}"
        legal = outlook.feasible
        table.add_row(
            stage.name,
            "all choices" if stage.level is None else f"level {stage.level}",
            size,
            _about(legal, _amount(legal.count)) if legal else "follows",
            _about(legal, _share(legal.share)) if legal else "follows",
            f"{stage.candidates:,}",
        )
    return table


def _published(networks: Sequence[Published], *, judged: bool) -> list[Text]:
    if not networks:
        return []
    told = []
    for network in networks:
        verdict = (" (fits)" if network.fits else " (does not fit)") if judged else ""
        told.append(f"{network.name} {format_amount(network.flops)}{verdict}")
    return [Text("published networks of this space, by this counter: " + ", ".join(told))]


def space_view(
    space: Space, legal: Feasible, limits: Limits, networks: Sequence[Published]
) -> RenderableType:
    """A space: its size, what it reaches, and what limits leave."""
    rows = [
        ("FLOPs are counted", space.counted),
        (
            "choices",
            f"{len(space.choices)} in {len(space.slots)} slots, {_levels(space)}",
        ),
        ("genomes", _amount(legal.size)),
        *_sizes(space),
    ]
    if legal.minimum is not None and legal.maximum is not None:
        low, high = format_amount(legal.minimum, 5), format_amount(legal.maximum, 5)
        rows.append(("reaches", f"{low} to {high} {legal.budget.unit}"))
    facts = limit_facts(limits, legal)
    if len(facts) > 1 or any(fact.limit.metric != "flops" for fact in facts):
        rows += limit_rows(facts)
    if facts:
        genomes, share = _amount(legal.count), _share(legal.share)
        fits = f"{_about(legal, genomes)} genomes, {_about(legal, share)} of the prior"
        within = str(legal.budget) if len(facts) == 1 else "all limits"
        rows.append((f"within {within}", fits))
    return Group(
        Text(space.name, style="bold"),
        fact_grid(*rows),
        _choice_table(space),
        *_published(networks, judged=bool(facts)),
    )


def _sizes(space: Space) -> list[tuple[str, str]]:
    """What searching by levels makes of a space of several (GLiT, section 3.3)."""
    if len(space.levels) < 2:
        return []
    found = sizes(space)
    stages = [
        f"level {level} among {_amount(low)}" + (f" to {_amount(high)}" if high != low else "")
        for level, (low, high) in found.stages.items()
    ]
    return [
        ("combinations of options", f"{_amount(found.every)}, active or not"),
        (
            "level by level",
            f"{' + '.join(map(_amount, found.levels.values()))} = {_amount(found.by_levels)}, "
            f"{_amount(found.reduction)} times fewer",
        ),
        ("a search by levels", f"{'; '.join(stages)} genomes, as what is decided leaves them"),
    ]


def _levels(space: Space) -> str:
    return "1 level" if len(space.levels) == 1 else f"{len(space.levels)} levels"


def _choice_table(space: Space) -> Table:
    """The choices, those of slots that are alike written once."""
    table = plain_table("choice", "options", "level", "active when")
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for choice in space.choices:
        short = "" if choice.name == choice.slot else choice.name.removeprefix(f"{choice.slot}.")
        when = ", ".join(
            f"{parent.removeprefix(f'{choice.slot}.')} in {_join(sorted(options, key=str))}"
            for parent, options in choice.when.items()
        )
        row = (short, _join(choice.options), str(choice.level), when)
        alike.setdefault(row, []).append(choice.slot or "")
    for (short, options, level, when), slots in alike.items():
        where = slots[0] if len(slots) == 1 else f"{slots[0]}..{slots[-1]}"
        table.add_row(".".join(filter(None, (where, short))), options, level, when)
    return table


def architecture_view(space: Space, genome: Genome, title: str) -> RenderableType:
    """An architecture: its picture, its slots in a table, and what it costs."""
    costs = space.costs(genome)
    summary = (
        f"{costs['params']:,} parameters, {costs['flops']:,} FLOPs "
        f"({format_amount(costs['params'])}, {format_amount(costs['flops'])}) {space.counted}"
    )
    parts: list[RenderableType] = [Text(title, style="bold"), Text(summary), Text()]
    cells = space.picture(genome)
    if cells:
        parts += [picture(cells), Text()]
    table = slot_table(space, genome)
    if table.context:
        parts.append(fact_grid(*((name, str(value)) for name, value in table.context)))
    if table.rows:
        parts.append(_slot_view(table))
    return Group(*parts)


def _slot_view(slots: SlotTable) -> Table:
    """A row for each slot, and for the rest; a column, if slots are fewer than what they hold."""
    rows = [["slot", *slots.names]]
    for row in slots.rows:
        rows.append([row.slot, *("-" if value is None else str(value) for value in row.values)])
    if slots.rest is not None:
        rows.append(["rest", *("-" for _ in slots.names)])
        rows[0] += ["FLOPs", "parameters"]
        for cells, costs in zip(
            rows[1:], [*(r.costs for r in slots.rows), slots.rest], strict=True
        ):
            cells += [f"{costs[key]:,}" for key in ("flops", "params") if costs]
    if len(slots.names) > len(slots.rows):
        rows = [list(column) for column in zip(*rows, strict=True)]
    table = plain_table(rows[0][0], *(f">{name}" for name in rows[0][1:]))
    for column in table.columns[1:]:
        column.no_wrap = True  # names give way, not figures
    for cells in rows[1:]:
        table.add_row(*cells)
    return table


def networks_view(counted: Sequence[Counted]) -> RenderableType:
    """Networks with what they cost, and what was published of them."""
    table = plain_table("network", ">parameters", ">FLOPs", ">published:", ">FLOPs", ">top-1")
    for each in counted:
        costs, printed = each.costs, each.published
        table.add_row(
            each.architecture.name,
            *(format_amount(costs[name], 4) if costs else "-" for name in ("params", "flops")),
            format_amount(printed.parameters, 3) if printed else "-",
            format_amount(printed.flops, 3) if printed else "-",
            f"{printed.accuracy:.1f}%" if printed else "-",
        )
    problems = dict.fromkeys(each.problem for each in counted if each.problem)
    notes = [
        "Counted: 1 FLOP = 1 multiply-accumulate, batch 1, at the target; --json is exact.",
        "Published: Table 3 of the GLiT paper; top-1 accuracy on ImageNet.",
        *(f"Not counted: {problem}" for problem in problems),
    ]
    return Group(table, *map(Text, notes))


def names_view(names: Mapping[str, str]) -> RenderableType:
    """Names and what they are."""
    return fact_grid(*names.items())


def _join(options: Iterable[object]) -> str:
    return ", ".join(map(str, options))


def _amount(count: float | None) -> str:
    if count is None or count != count:  # noqa: PLR0124  a count that is not known is not a number
        return "unknown"
    return f"{count:,.0f}" if count < 1e6 else f"{count:.3g}"


def _about(legal: Feasible, text: str) -> str:
    """The text, and whether it is an estimate."""
    return f"about {text}" if legal.estimated and text != "unknown" else text


def _share(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.3g}%"
