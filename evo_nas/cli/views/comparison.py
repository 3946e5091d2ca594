"""A comparison for people: what will be run, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.analysis.comparison.file import Comparison
from evo_nas.analysis.comparison.page import (
    difference_table,
    network_table,
    result_table,
    width_notes,
)
from evo_nas.analysis.comparison.reference import LONG, Reference
from evo_nas.analysis.comparison.report import TITLES, Report
from evo_nas.api import Prepared
from evo_nas.core.plugins import registry
from evo_nas.results.tables import Table
from evo_nas.sampling.limits import format_amount
from evo_nas.search.limits import describe_config
from evo_nas.space.costs.verification import true_costs
from evo_nas.training.loop import images_trained

from .tables import facts_view, table_view


def comparison_plan_view(
    comparison: Comparison, prepared: Sequence[Prepared], folder: Path
) -> RenderableType:
    """What will be run: printed at the start."""
    config = prepared[0].config
    seeds = comparison.seeds
    told = "; times are measured, and runs beside each other would change them"
    timed = told if comparison.at_once < comparison.jobs else ""
    facts = [
        ("space", f"{registry.short(config.space)} within {describe_config(config)}"),
        ("seeds", f"{len(seeds)}: {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"),
        ("protocols", " and ".join(comparison.protocols)),
        (
            "scores come from",
            f"{registry.short(config.evaluator)}; finalists: {registry.short(config.retrainer)}",
        ),
        ("measured on", registry.short(config.data)),
        ("runs at once", f"{comparison.at_once}{timed}"),
        ("folder", str(folder)),
    ]
    rows = []
    searches = prepared[: len(comparison.strategies)]
    for strategy, run in zip(comparison.strategies, searches, strict=True):
        for outlook in run.plan.stages:
            stage = outlook.stage
            epochs = run.config.recipe.supernet.epochs * stage.epochs_factor
            rows.append((
                registry.short(strategy),
                stage.name,
                f"{stage.candidates:,}" if stage.scored else "-",
                f"{stage.finalists:,}",
                str(epochs) if stage.scored and run.config.data != "none" else "-",
            ))  # fmt: skip
    columns = ("strategy", "stage", ">candidates", ">retrained", ">supernet epochs")
    table = table_view(Table(columns, rows))
    parts: list[RenderableType] = [Text("Comparison", style="bold"), facts_view(facts), table]
    if comparison.references:
        alone = prepared[len(comparison.strategies) :]
        parts += [Text(), table_view(_reference_plan(comparison, alone))]
        if any(row.follows for row in comparison.rows_of_references):
            first = registry.short(comparison.strategies[0])
            parts.append(Text(f"as found, as its search: by {first} with the same seed"))
        fixed = [each.name for each in comparison.references if each.space and not each.scales]
        if fixed:
            parts.append(Text(f"not at equal FLOPs, as no width gives them: {', '.join(fixed)}"))
    return Group(*parts)


def _reference_plan(comparison: Comparison, prepared: Sequence[Prepared]) -> Table:
    """What is trained beside what is found, once for each seed, and at which cost."""
    runs = dict(zip(comparison.references, prepared, strict=True))
    rows = []
    for row in comparison.rows_of_references:
        run, phase = runs[row.reference], runs[row.reference].config.recipe.train
        epochs = images = "-"
        if available := len(run.data.train):
            epochs = f"{phase.epochs:,}"
            images = format_amount(images_trained(phase, phase.epochs, available), 3)
        if row.reference.given == LONG:
            epochs, images = "-", "as its search"
        flops = "as found" if row.scaled else _flops(row.reference, run)
        rows.append((row.name, flops, epochs, images))
    return Table(("reference", ">FLOPs", ">epochs", ">images a seed"), rows)


def _flops(reference: Reference, run: Prepared) -> str:
    if not reference.space:
        return "within the limits"
    return format_amount(true_costs(run.plan.space, reference.genome)["flops"])


def comparison_view(found: Report) -> RenderableType:
    """The tables and what they say."""
    parts: list[RenderableType] = [
        Text(f"Comparison {found.folder}", style="bold"),
        Text(f"{found.measure}; cost in {found.unit}"),
        *(Text(f"the test split could not be measured in {line}") for line in found.untested),
    ]
    for protocol in found.comparison.protocols:
        parts += [Text(), Text(TITLES[protocol]), table_view(result_table(found, protocol))]
        if (networks := network_table(found, protocol)).rows:
            parts += [Text(), table_view(networks), *map(Text, width_notes(found))]
        parts += [
            Text(f"{first} - {second}: {value} [{interval.replace(' to ', ', ')}], {verdict}")
            for first, second, value, interval, verdict in difference_table(found, protocol).rows
        ]
    if len(found.comparison.seeds) == 1:
        parts += [Text(), Text("One seed says nothing about how certain a difference is.")]
    pictures = ", ".join(found.picture(protocol).name for protocol in found.comparison.protocols)
    parts += [Text(), Text(f"curves: {pictures}; all numbers: comparison.json")]
    return Group(*parts)
