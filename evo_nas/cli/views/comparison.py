"""A comparison for people: what will be run, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.analysis.comparison.file import Comparison
from evo_nas.analysis.comparison.page import difference_table, result_table
from evo_nas.analysis.comparison.report import TITLES, Report
from evo_nas.api import Prepared
from evo_nas.core.plugins import registry
from evo_nas.results.tables import Table
from evo_nas.search.limits import describe_config

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
    for strategy, run in zip(comparison.strategies, prepared, strict=True):
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
    return Group(Text("Comparison", style="bold"), facts_view(facts), table)


def comparison_view(found: Report) -> RenderableType:
    """The tables and what they say."""
    parts: list[RenderableType] = [
        Text(f"Comparison {found.folder}", style="bold"),
        Text(f"{found.measure}; cost in {found.unit}"),
        *(Text(f"the test split could not be measured in {line}") for line in found.untested),
    ]
    for protocol in found.comparison.protocols:
        parts += [Text(), Text(TITLES[protocol]), table_view(result_table(found, protocol))]
        parts += [
            Text(f"{first} - {second}: {value} [{interval.replace(' to ', ', ')}], {verdict}")
            for first, second, value, interval, verdict in difference_table(found, protocol).rows
        ]
    if len(found.comparison.seeds) == 1:
        parts += [Text(), Text("One seed says nothing about how certain a difference is.")]
    pictures = ", ".join(found.picture(protocol).name for protocol in found.comparison.protocols)
    parts += [Text(), Text(f"curves: {pictures}; all numbers: comparison.json")]
    return Group(*parts)
