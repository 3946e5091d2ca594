"""The page of one run, finished or not."""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from pathlib import Path

from evo_nas.core.console import duration
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.core.progress import Progress
from evo_nas.errors import EvoNasError, RunError
from evo_nas.results.agreement import split_half_error
from evo_nas.results.architecture import slots_table
from evo_nas.results.candidates import Stage
from evo_nas.results.charts.cells import draw_cells
from evo_nas.results.charts.fronts import Front, read_front
from evo_nas.results.charts.stages import flops_chart, thinned, time_chart
from evo_nas.results.facts import best_facts, delivered_table, stage_facts, standing_facts
from evo_nas.results.importance import Importance, importance
from evo_nas.results.result import Result, check_genomes
from evo_nas.results.tables import Table
from evo_nas.results.trust_report import read_trust, trust_picture
from evo_nas.results.trust_summary import agreement_table, noise, verdicts
from evo_nas.sampling.limits import parse_range
from evo_nas.search.config import Config
from evo_nas.search.course.standing import standing
from evo_nas.search.limits import describe_config
from evo_nas.search.run_folder import PAGE
from evo_nas.space.space import Space
from evo_nas.space.table import portrait
from evo_nas.strategies.base import Strategy
from evo_nas.training.ledger import Ledger

from .classes import class_parts
from .commands import next_commands, train_command
from .lineage import lineage
from .render import render
from .repeat import command, recipe_is_shipped
from .shares import shares

_NAMED = ("space", "strategy", "evaluator", "retrainer", "data")


def write_report(result: Result, out: Path | None = None) -> Path:
    """Write the page of a run, into its folder unless ``out`` says where; the path.

    Raises:
        EvoNasError: a plug-in that the run was made with cannot be loaded.
        RunError: the page cannot be written.
    """
    path = out or result.folder / PAGE
    check_genomes(result, result.space)
    write_atomically(path, run_page(result, result.space).encode(errors="replace"))
    return path


def make_page(result: Result, progress: Progress) -> None:
    """Write report.html, or say why not: what a run has found stands without it."""
    try:
        write_report(result)
    except Exception as error:  # a plug-in's picture, a full disk: nothing may spoil the run
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        progress.say(f"report.html could not be written, all else is there: {reason}")


def run_page(result: Result, space: Space, home: str = "") -> str:
    """The page as HTML; if it is one of several that are served, with a link ``home``."""
    now = standing(result.folder) if home else None  # what is kept tells of no moment
    config, budget = result.config, parse_range(result.config.flops, kept=True)
    strategy: Strategy = registry.load("strategy", config.strategy)
    trust, problems = trust_parts(result)
    finished, limited = result.best is not None, budget.high < math.inf
    return render(
        "run.html",
        title=f"{registry.short(config.space)} within {describe_config(config)}",
        result=result,
        finished=finished,
        home=home,
        now=standing_facts(now) if now else [],
        config=config,
        names={name: registry.short(getattr(config, name)) for name in _NAMED},
        # The first line of what it says of itself, which names its source.
        strategy=(strategy.__doc__ or "").strip().partition("\n")[0],
        measured=result.best and best_facts(result.best, config, result.facts),
        network=_network(result, space),
        classes=class_parts(result.confusions),
        used=result.best["target"]["flops"] / budget.most if result.best and limited else None,
        stages=[
            _stage_part(f"stage-{number}", result.stage(name), space, config)
            | {"findings": stage_facts(result, name)}
            for number, name in enumerate(result.stages, start=1)
        ],
        spent=spending(result),
        work=sum(result.spent.values()),
        reliabilities=[
            (stage, result.reliability(stage), split_half_error(search))
            for stage in result.stages
            if (search := result.of(stage, "search"))
        ],
        trust=trust,
        problems=problems,
        command=command(config, space),
        whole_recipe=recipe_is_shipped(config.recipe),
        next=next_commands(result, space.target),
        train=train_command(result, space.target),
        version=version("evo-nas"),
    )


def _stage_part(anchor: str, stage: Stage, space: Space, config: Config) -> dict[str, object]:
    """A stage with what is drawn and counted of it; ``drawn`` candidates are in the charts."""
    budget = parse_range(config.flops, kept=True)
    searched, several = bool(stage.candidates), len(stage.finalists) > 1
    return {
        "anchor": anchor,
        "stage": stage,
        "flops_chart": flops_chart(stage, budget) if searched or several else None,
        "time_chart": time_chart(stage) if searched else None,
        "front": _front(stage, config, space),
        "drawn": len(thinned(stage.candidates)),
        "over_budget": sum(each.evaluation.flops not in budget for each in stage.candidates),
        "finalists": _finalists(stage, registry.short(config.retrainer)),
        "shares": shares(stage, space) if searched else None,
        "matters": _importance(stage, space),
        "lineage": lineage(stage, space),
    }


def _importance(stage: Stage, space: Space) -> Importance | None:
    try:
        return importance(stage, space)
    except RunError:  # it is not known
        return None


def _front(stage: Stage, config: Config, space: Space) -> Front | None:
    try:
        return read_front(stage, config, space)
    except EvoNasError:  # one objective alone is sought, or the evaluator is gone
        return None


def _finalists(stage: Stage, retrainer: str) -> Table:
    columns = [">place", f">{stage.truth.name} by {retrainer}", ">FLOPs", ">parameters"]
    if stage.rungs:
        columns.insert(2, ">epochs")
    if stage.candidates:
        columns[2:2] = [f">{stage.objective.name} in the search", ">candidate"]
    if not stage.by_score:
        columns[1:1] = ["chosen by", ">place by score"]
    rows = []
    for each in stage.shown:
        found, searched = each.evaluation, each.searched
        error = found.metrics.get("standard_error") if stage.truth.name == "accuracy" else None
        uncertainty = f" ± {error:.4f}" if error else ""
        row = [
            f"{each.place}",
            f"{each.score:.4f}{uncertainty}",
            f"{found.flops:,}",
            f"{found.params:,}",
        ]
        if stage.rungs:
            row.insert(2, f"{each.epochs}")
        if stage.candidates:
            row[2:2] = [f"{searched.score:.4f}", f"{searched.number:,}"] if searched else ["-", "-"]
        if not stage.by_score:
            row[1:1] = [each.chosen_by, f"{each.rank:,}" if each.rank else "-"]
        rows.append(row)
    return Table(tuple(columns), rows, f"Finalists of {stage.name}")


def _network(result: Result, space: Space) -> dict[str, object] | None:
    if result.best is None:
        return None
    shown = portrait(space, space.encode(result.best["choices"]))
    return {
        "picture": draw_cells(shown.cells, "The network that was found") if shown.cells else None,
        "table": shown.slots,
        "slots": slots_table(shown.slots),
        "legend": shown.legend,
        "counted": shown.counted,
        "genome": json.dumps(shown.genome),
        "delivered": delivered_table(result.best),
    }


def spending(result: Result) -> Table:
    """Where time and images went: all phases in the order in which they began, and their sums."""
    seconds, images = sum(result.spent.values()), sum(result.images.values(), Ledger())
    columns: tuple[str, ...] = ("phase", ">time", "%share of the time")
    if images.passes:
        columns += (">images, forward and backward", ">forward only")
    rows = []
    for stage, phase in dict.fromkeys([*result.spent, *result.images]):
        spent = result.spent.get((stage, phase), 0.0)
        share = f"{100 * spent / seconds:.0f}%" if seconds else "0%"
        seen = result.images.get((stage, phase), Ledger())
        rows.append(_spent(f"{stage} {phase}", spent, share, seen)[: len(columns)])
    total = _spent("in all", seconds, "", images)[: len(columns)]
    return Table(columns, rows, "Time and images", [total])


def _spent(name: str, seconds: float, share: str, images: Ledger) -> tuple[str, ...]:
    return name, duration(seconds), share, f"{images.trained:,}", f"{images.measured:,}"


def trust_parts(result: Result) -> tuple[list[dict[str, object]], list[str]]:
    """The run's trust reports, and why others of them could not be read."""
    parts, problems = [], []
    for path in sorted(result.folder.glob("trust-*.json")):
        try:
            trust = read_trust(path, result.evaluations)
            told = [*verdicts(trust), *noise(trust)]
            picture, table = trust_picture(trust), agreement_table(trust)
            parts.append({"picture": picture, "table": table, "sentences": told})
        except EvoNasError as error:
            problems.append(str(error))
    return parts, problems
