"""A comparison for people: what will be run, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.analysis.comparison.file import Comparison
from evo_nas.analysis.comparison.page import result_table
from evo_nas.analysis.comparison.report import TITLES, Difference, Report
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
    facts = [
        ("space", f"{registry.short(config.space)} within {describe_config(config)}"),
        ("seeds", f"{len(seeds)}: {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"),
        ("protocols", " and ".join(comparison.protocols)),
        (
            "scores come from",
            f"{registry.short(config.evaluator)}; finalists: {registry.short(config.retrainer)}",
        ),
        ("measured on", registry.short(config.data)),
        ("runs at once", _at_once(comparison)),
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


def _at_once(comparison: Comparison) -> str:
    told = "; times are measured, and runs beside each other would change them"
    return f"{comparison.at_once}{told if comparison.at_once < comparison.jobs else ''}"


def comparison_view(found: Report) -> RenderableType:
    """The tables and what they say."""
    parts: list[RenderableType] = [
        Text(f"Comparison {found.folder}", style="bold"),
        Text(f"{found.measure}; cost in {found.unit}"),
    ]
    for protocol in found.comparison.protocols:
        parts += [Text(), Text(TITLES[protocol]), table_view(result_table(found, protocol))]
        parts += [
            Text(_sentence(each, len(found.comparison.seeds)))
            for each in found.differences
            if each.protocol == protocol
        ]
    if len(found.comparison.seeds) == 1:
        parts += [Text(), Text("One seed says nothing about how certain a difference is.")]
    pictures = ", ".join(found.picture(protocol).name for protocol in found.comparison.protocols)
    parts += [Text(), Text(f"curves: {pictures}; all numbers: comparison.json")]
    return Group(*parts)


def _sentence(each: Difference, seeds: int) -> str:
    estimate = each.estimate
    return (
        f"{registry.short(each.first)} - {registry.short(each.second)}: {estimate.value:+.4f} "
        f"[{estimate.low:+.4f}, {estimate.high:+.4f}], {each.verdict(seeds)}"
    )
