"""The plan of a run in the terminal: what it will do, printed at its start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.api import Prepared
from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.evaluation.workers import worker_count, workers_for_others
from evo_nas.results.tables import Table
from evo_nas.search.limits import told_conditions
from evo_nas.search.plan import StageOutlook
from evo_nas.strategies.settings import Settings

from .space import about, amount, limit_rows, published_view, share, up_to
from .tables import facts_view, table_view


def plan_view(prepared: Prepared) -> RenderableType:
    """What a run will do: printed at its start."""
    config, plan, data = prepared.config, prepared.plan, prepared.data
    facts = [
        ("space", config.space),
        ("strategy", f"{config.strategy}, seed {config.seed}"),
        *_limits(prepared),
        ("FLOPs are counted", plan.space.counted),
        ("scores come from", _evaluators(prepared)),
        *(_training(prepared) if len(data.train) else [("images", "none are needed")]),
        ("computed on", processes(prepared)),
        ("settings", _settings(config.settings)),
        ("run folder", str(prepared.folder)),
    ]
    return Group(
        Text("Plan", style="bold"),
        facts_view(facts),
        table_view(_stages(plan.stages)),
        *published_view(plan.published, judged=True),
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
    rows = [("budget", f"{plan.budget.range} FLOPs (1 FLOP = 1 multiply-accumulate)")]
    if not prepared.config.limits:
        return rows
    first, *later = [outlook.stage.name for outlook in plan.stages]
    label = f"limits in {first}" if later else "limits"
    rows += limit_rows(plan.facts, prepared.config.device, label)
    told = "the same; how each is met follows from what is decided before, and is said then"
    return rows + [(f"limits in {name}", told) for name in later]


def _settings(settings: Settings) -> str:
    return ", ".join(
        f"{field.name.replace('_', ' ')} {getattr(settings, field.name)}"
        for field in fields(settings)
    )


def _stages(stages: Iterable[StageOutlook]) -> Table:
    columns = ("stage", "decides", ">genomes", ">fit the budget", ">share", ">candidates")
    return Table(columns, [_stage(outlook) for outlook in stages])


def _stage(outlook: StageOutlook) -> tuple[str, ...]:
    stage, legal = outlook.stage, outlook.feasible
    return (
        stage.name,
        "all choices" if stage.level is None else f"level {stage.level}",
        up_to(outlook.smallest, outlook.largest),
        about(legal, amount(legal.count)) if legal else "follows",
        about(legal, share(legal.share)) if legal else "follows",
        f"{stage.candidates:,}",
    )


def _evaluators(prepared: Prepared) -> str:
    """Who scores candidates, and who confirms the best."""
    config = prepared.config
    if any(outlook.stage.scored for outlook in prepared.plan.stages):
        evaluator: Evaluator = registry.load("evaluator", config.evaluator)
        under = told_conditions(evaluator.conditions, config.device)
        told = f" ({under})" if evaluator.conditions else ""
        return f"evaluator {config.evaluator}{told}; finalists: {config.retrainer}"
    return f"{config.retrainer}; no candidate is scored before"


def processes(prepared: Prepared) -> str:
    """Where each phase works; see :mod:`evo_nas.evaluation.workers`."""
    config = prepared.config
    phases = [("finalists", config.retrainer, config.finalist_time_limit)]
    if any(outlook.stage.scored for outlook in prepared.plan.stages):
        phases.insert(0, ("scores", config.evaluator, config.time_limit))
    told = [f"{config.device}, {config.threads} threads"]
    for phase, spec, limit in phases:
        evaluator: Evaluator = registry.load("evaluator", spec)
        where = (prepared.plan.space, config.device, config.jobs, limit)
        count = worker_count(evaluator, *where)
        asked = workers_for_others(*where) if evaluator.asks_workers else 0
        # Evaluators outside of workers may start some themselves, as supernet does.
        itself = "the process of the search"
        if config.device == "cpu" and config.jobs > 1 and not asked:
            itself += f" and up to {config.jobs} that it starts"
        if asked:
            itself += f", which asks {_workers(asked)} for each evaluator that works in such"
        told.append(f"{phase} in {_workers(count) if count else itself}")
    return "; ".join(told)


def _workers(count: int) -> str:
    return f"{count} worker process{'es' if count > 1 else ''}"
