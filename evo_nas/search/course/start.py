"""Networks that a search begins with, as a user gives them, and results that are known of some.

Each is named by a text: the path of an architecture file, a run or a CSV with a column for each
choice, the name of a published network, or JSON: a genome, choices by name, or an object with
``genome`` or ``choices`` and perhaps ``metrics``.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evo_nas.core.progress import Progress
from evo_nas.core.validation import parse_json, read_json, read_text, shown
from evo_nas.errors import EvoNasError, SettingsError, nearest
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import describe_value
from evo_nas.sampling.sampler import Sampler
from evo_nas.search.architectures import find_architecture
from evo_nas.search.plugins import PlugIns
from evo_nas.search.store.rows import Given
from evo_nas.search.store.store import Store
from evo_nas.space.costs.target import without_target
from evo_nas.space.space import Genome, Option, Space
from evo_nas.strategies.base import StagePlan

# What a table of evaluations has besides metrics and choices.
_RECORDED = {
    "stage", "phase", "generation", "position", "origin", "flops", "params", "seconds",
    "images_trained", "images_measured", "failure",
}  # fmt: skip


def choose_start(
    texts: Sequence[str], plugins: PlugIns, stages: Sequence[StagePlan], limits: Limits
) -> tuple[Given, ...]:
    """The networks that are named, each once.

    Raises:
        SettingsError: one is no network of the space, breaks a limit, or has scores that are not
            the evaluator's; two scores of one network differ; or no stage can score so many.
    """
    space, spec = plugins.space.loaded, plugins.space.spec
    objectives = plugins.evaluator.loaded.objectives
    most = min((stage.candidates for stage in stages if stage.scored), default=0)
    if texts and not most:
        raise SettingsError(
            f"start is given, and strategy {plugins.strategy.spec} scores no candidate; leave it "
            "out, or train one network: --strategy 'given?genome=...'"
        )
    found: dict[Genome, Given] = {}
    for text in texts:
        for given in _read(text, space, spec, objectives):
            costs = limits.quick().values(space, given.genome)
            for limit, value in costs.items():
                if value not in limit:
                    told = describe_value(limit.metric, value)
                    raise SettingsError(
                        f"start: {given.name} breaks the limit {limit}: it has {told}"
                    )
            known = found.setdefault(given.genome, given)
            if not known.metrics:
                found[given.genome] = given
            elif given.metrics and given.metrics != known.metrics:
                raise SettingsError(
                    f"start: {given.name} and {known.name} are one network with two scores"
                )
    if len(found) > most:
        raise SettingsError(
            f"start has {len(found):,} networks, and a stage scores {most:,}: give more --samples"
        )
    return tuple(found.values())


def begun_with(
    store: Store, stage: str, legal: Feasible, progress: Progress
) -> tuple[Sampler, dict[Genome, Mapping[str, float]]]:
    """A stage's sampler, which first gives what a user gave, and the scores that are known of some.

    A network is projected to what the stage decides: one with a score that becomes another by that
    is left out. So is, with a note, what breaks a limit there.
    """
    space, found = legal.space, dict[Genome, Mapping[str, float]]()
    for given in store.fact("start") or ():
        options = space.root.options(given.genome)
        held = ((c.options, options.get(c.name, c.options[0])) for c in space.choices)
        genome = space.canonical([choices.index(option) for choices, option in held])
        if given.metrics and space.lift(genome) != given.genome:
            continue
        if legal.legal(genome):
            found[genome] = found.get(genome) or given.metrics
            continue
        line = f"start: {given.name} is left out here, where it breaks a limit"
        progress.say(f"{stage}: {line}")
        store.add_notes(f"{stage} search", [line])
    return Sampler(legal, found), {genome: known for genome, known in found.items() if known}


def _read(text: str, space: Space, spec: str, objectives: Sequence[Objective]) -> Iterator[Given]:
    if text.endswith(".csv"):
        yield from _read_csv(Path(text), space, objectives)
        return
    inline = text.lstrip().startswith(("[", "{"))
    content: Any = {"space": ""}  # of an architecture
    if inline:
        content = parse_json(text, SettingsError, "start")
    elif text.endswith(".json") and os.path.isfile(text):
        content = read_json(Path(text), SettingsError)
    named = isinstance(content, dict) and "space" in content and "metrics" not in content
    if named and not inline:
        try:
            architecture = find_architecture(text)  # whose digest is checked
        except EvoNasError as error:
            raise SettingsError(f"start: {error}") from error
        content = {"space": architecture.space, "genome": list(architecture.genome)}
    several = isinstance(content, list) and not all(type(gene) is int for gene in content)
    for number, one in enumerate(content if several else [content], start=1):
        name = f"{shown(text)[1:-1]}, entry {number}" if several else shown(text)[1:-1]
        genome, metrics = _of_json(one, name, space, spec)
        yield _checked(Given(genome, metrics, name), space, objectives)


def _of_json(content: Any, name: str, space: Space, spec: str) -> tuple[Genome, dict[str, float]]:
    """A genome, choices by name, or an object that has one of them and perhaps metrics."""
    metrics: Any = {}
    if isinstance(content, dict) and not content.keys() <= space.index.keys():
        own, metrics = str(content.get("space", spec)), content.get("metrics", {})
        # Genomes are the same at any target; what was measured may be of one.
        if own != spec and (metrics or without_target(own) != without_target(spec)):
            raise SettingsError(f"start: {name} is of the space {own}, not of {spec}")
        content = content.get("genome", content.get("choices", content))
    try:
        if isinstance(content, dict):
            genome = space.encode(content)
        elif isinstance(content, list):
            genome = space.check(tuple(content))
        else:
            raise SettingsError(f"{shown(content)} is no genome; give a list of option numbers")
    except EvoNasError as error:
        raise SettingsError(f"start: {name}: {error}") from error
    return genome, metrics


def _checked(given: Given, space: Space, objectives: Sequence[Objective]) -> Given:
    """Raise a SettingsError unless there are no metrics, or all that candidates are ranked by."""
    metrics: Any = given.metrics
    numbers = isinstance(metrics, dict) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        for value in metrics.values()
    )
    if not numbers:
        raise SettingsError(f"start: {given.name}: {shown(metrics)} are no metrics by name")
    missing = [goal.name for goal in objectives if goal.name not in metrics]
    if metrics and missing:
        raise SettingsError(
            f"start: {given.name} has {', '.join(metrics)} and no {missing[0]}, by which the "
            "evaluator ranks; leave scores out to have it scored"
        )
    return replace(given, metrics={name: float(value) for name, value in metrics.items()})


def _read_csv(path: Path, space: Space, objectives: Sequence[Objective]) -> Iterator[Given]:
    """A network a line, with a column for each choice and perhaps for metrics.

    Where a cell of the objectives is empty, the network is to be scored. A header may say
    ``accuracy:max`` or ``loss:min``. Columns that a table of evaluations has besides say nothing.
    """
    text = read_text(path, SettingsError, "table", encoding="utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restval="")
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        choices, metrics = _columns(path, header, space, objectives)
        reader.fieldnames = header
        for row in reader:
            name = f"{path}, line {reader.line_num}"
            options = {
                choice: _option(name, row[column].strip(), choice, space)
                for column, choice in choices.items()
                if row[column].strip() or None in _options(space, choice)
            }
            values = {metric: row[column].strip() for column, metric in metrics.items()}
            genome, _ = _of_json(options, name, space, "")
            scored = all(values[goal.name] for goal in objectives) if metrics else False
            known = {m: _value(name, m, v) for m, v in values.items() if v} if scored else {}
            yield _checked(Given(genome, known, name), space, objectives)
    except csv.Error as error:
        raise SettingsError(f"start: {path}, line {reader.reader.line_num}: {error}") from error


def _columns(
    path: Path, header: Sequence[str], space: Space, objectives: Sequence[Objective]
) -> tuple[dict[str, str], dict[str, str]]:
    """The choice or the metric that each column of a table has."""
    goals = {goal.name: "max" if goal.maximise else "min" for goal in objectives}
    choices, metrics = {}, {}
    for column in header:
        plain, _, way = column.partition(":")
        name = plain.removeprefix("choice.").removeprefix("metric.")
        if column.removeprefix("choice.") in space.index:
            choices[column] = column.removeprefix("choice.")
        elif way in ("min", "max") and goals.get(name, way) != way:
            raise SettingsError(
                f"start: {path} has {column}, and the evaluator wants {goals[name]}"
            )
        elif plain in goals or name in goals or (column and column not in _RECORDED):
            metrics[column] = name
    missing = [name for name in space.index if name not in choices.values()]
    if missing:
        raise SettingsError(
            f"start: {path} has no column for the choice {missing[0]!r}; its columns: "
            f"{nearest(missing[0], header)}"
        )
    lacking = [name for name in goals if name not in metrics.values()]
    if metrics and lacking:
        raise SettingsError(
            f"start: {path} has the column {next(iter(metrics))!r} and none for {lacking[0]!r}, by "
            "which the evaluator ranks; name it so if it is that, or drop it"
        )
    return choices, metrics


def _options(space: Space, choice: str) -> Sequence[Option]:
    return space.choices[space.index[choice]].options


def _option(name: str, text: str, choice: str, space: Space) -> Option:
    """The option that a cell has, as Python or a spreadsheet writes it."""
    for option in _options(space, choice):
        if text == ("" if option is None else str(option)):
            return option
    for option in _options(space, choice):
        if isinstance(option, bool) and text.lower() == str(option).lower():
            return option
        number = isinstance(option, int | float) and not isinstance(option, bool)
        if number and _number(text) == option:
            return option
    raise SettingsError(
        f"start: {name}: choice {choice} has no option {shown(text)}: {_options(space, choice)}"
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _value(name: str, metric: str, text: str) -> float:
    if not math.isfinite(number := _number(text)):
        raise SettingsError(f"start: {name}: {metric} is {shown(text)}, no finite number")
    return number
