"""Accuracy against FLOPs, as the paper's Figure 1: of runs, of given points, of published ones."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.core.validation import read_text, shown
from evo_nas.errors import BudgetError, RunError, TableError
from evo_nas.results.charts.chart import Line, Points, chart
from evo_nas.results.result import Result
from evo_nas.sampling.limits import UNLIMITED, parse_range
from evo_nas.search import run_folder

from .published import glit_table3

_COLUMNS = ("family", "name", "flops", "accuracy")


@dataclass(frozen=True, slots=True)
class Point:
    """A network; those of one ``family`` are joined. ``accuracy`` is a share or percents."""

    family: str
    name: str
    flops: int
    accuracy: float


def published_points() -> list[Point]:
    """Table 3 of the GLiT paper, as it is printed there: FLOPs are its authors' count."""
    return [
        Point(f"{network.family} (published)", network.name, network.flops, network.accuracy)
        for network in glit_table3()
    ]


def read_points(path: Path) -> list[Point]:
    """Points of a CSV file with the columns family, name, flops (as 1.4G) and accuracy.

    Raises:
        TableError: the file cannot be read, or something in it is wrong.
    """
    text = read_text(path, TableError, "points", encoding="utf-8-sig")
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise TableError(f"{path} has no column {missing[0]!r}; needed: {', '.join(_COLUMNS)}")
        return [_point(row, f"{path}, line {reader.line_num}") for row in reader]
    except csv.Error as error:
        raise TableError(f"points {path} are no CSV: {error}") from error


def _point(row: Mapping[str, str], place: str) -> Point:
    for name in _COLUMNS:
        if row[name] is None:
            raise TableError(f"{place}: there is no {name}")
    try:
        budget = parse_range(row["flops"])
    except BudgetError as error:
        raise TableError(f"{place}: flops: {error}") from error
    if budget.least or budget.most >= UNLIMITED:
        raise TableError(f"{place}: flops {shown(row['flops'])} is no amount such as 1.4G")
    try:
        accuracy = float(row["accuracy"])
    except ValueError:
        accuracy = math.nan
    if not 0 <= accuracy <= 100:
        raise TableError(f"{place}: accuracy {shown(row['accuracy'])} is no share or percent")
    return Point(row["family"], row["name"], budget.most, accuracy)


def run_point(result: Result) -> Point:
    """The network that a run found, at its test accuracy if it has one, else at its best.

    Raises:
        RunError: the run is not finished, or nothing that it measured is called accuracy.
    """
    if result.best is None:
        raise RunError(run_folder.unfinished(result.folder))
    measured = result.best["measured"]
    for kind in ("test_accuracy", "validation_accuracy", "accuracy"):
        if kind in measured:
            name = f"{result.folder.name}, {kind.replace('_', ' ')}"
            if measured.get("data", "none") != "none":
                name += f" on {registry.short(measured['data'])}"
            return Point(name, result.folder.name, result.best["target"]["flops"], measured[kind])
    raise RunError(f"{result.folder} measured no accuracy, which this figure shows")


def flops_figure(
    results: Sequence[Result], points: Sequence[Point], *, candidates: bool = False
) -> str:
    """An SVG document: top-1 accuracy in percent over FLOPs; shares become percents.

    With ``candidates`` also what the last stage of each run's search scored, at those scores.

    Raises:
        RunError: there is nothing to draw, or a run has no network or no accuracy.
    """
    families: dict[str, list[Point]] = {}
    for point in [*map(run_point, results), *points]:
        families.setdefault(point.family, []).append(point)
    series: list[Points | Line] = []
    if candidates:
        series += filter(None, map(_candidates, results))
    for family, members in families.items():
        members.sort(key=lambda point: point.flops)
        flops, percents = [p.flops for p in members], [_percent(p.accuracy) for p in members]
        notes = [f"{p.name}: {_percent(p.accuracy):.4g}% at {p.flops:,}" for p in members]
        series.append(Points(family, flops, percents, notes=notes, joined=True))
    if not series:
        raise RunError("there is nothing to draw: name runs, a file of --points, or --paper")
    return chart(
        series,
        title="Accuracy against FLOPs",
        x_label="FLOPs (multiply-accumulates)",
        y_label="top-1 accuracy, %",
    )


def _candidates(result: Result) -> Points | None:
    """What the last stage's search scored; None where it scored no accuracy."""
    searched = result.of(result.stages[-1], "search")
    scored = [e for e in searched if "accuracy" in e.metrics]
    flops, percents = [e.flops for e in scored], [_percent(e.metrics["accuracy"]) for e in scored]
    name = f"{result.folder.name}, candidates as scored in the search"
    return Points(name, flops, percents, dots=True) if scored else None


def _percent(accuracy: float) -> float:
    return 100 * accuracy if accuracy <= 1 else accuracy
