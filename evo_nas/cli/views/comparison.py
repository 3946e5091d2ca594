"""A comparison for people: what will be run, and what came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.analysis.comparison.protocol import Comparison
from evo_nas.analysis.comparison.report import TITLES, Difference, Report, Row, verdict
from evo_nas.api import Prepared
from evo_nas.core.console import duration
from evo_nas.core.plugins import registry
from evo_nas.sampling.budget import format_amount
from evo_nas.search.limits import describe_config

from .tables import fact_grid, plain_table


def comparison_plan_view(
    comparison: Comparison, prepared: Sequence[Prepared], folder: Path
) -> RenderableType:
    """What will be run: printed at the start."""
    config = prepared[0].config
    seeds = comparison.seeds
    facts = fact_grid(
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
    )
    table = plain_table("strategy", "stage", ">candidates", ">retrained", ">supernet epochs")
    for strategy, run in zip(comparison.strategies, prepared, strict=True):
        for outlook in run.plan.stages:
            stage = outlook.stage
            epochs = run.config.recipe.supernet.epochs * stage.epochs_factor
            table.add_row(
                registry.short(strategy),
                stage.name,
                f"{stage.candidates:,}" if stage.scored else "-",
                f"{stage.finalists:,}",
                str(epochs) if stage.scored and run.config.data != "none" else "-",
            )
    return Group(Text("Comparison", style="bold"), facts, table)


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
        parts += [Text(), Text(TITLES[protocol]), _table(found.of(protocol), protocol)]
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


def _table(rows: Sequence[Row], protocol: str) -> RenderableType:
    time = [] if protocol == "equal" else [">time"]  # shared weights of earlier runs are used there
    table = plain_table("method", ">FLOPs", ">mean ± sd", ">best", ">cost", *time)
    for row in rows:
        spread = "" if math.isnan(row.deviation) else f" ± {row.deviation:.4f}"
        table.add_row(
            registry.short(row.strategy),
            format_amount(row.mean("flops")),
            f"{row.mean('accuracy'):.4f}{spread}",
            f"{row.best.accuracy:.4f}",
            format_amount(row.mean("cost"), 3),
            *([duration(row.mean("seconds"))] if time else []),
        )
    return table


def _sentence(each: Difference, seeds: int) -> str:
    estimate = each.estimate
    return (
        f"{registry.short(each.first)} - {registry.short(each.second)}: {estimate.value:+.4f} "
        f"[{estimate.low:+.4f}, {estimate.high:+.4f}], {verdict(each, seeds)}"
    )
