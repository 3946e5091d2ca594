"""What a run will do, as facts: resolved, feasible, and not begun."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING

from evo_nas.core.plugins import registry
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import EvoNasError, counted
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.evaluation.rungs import ladder
from evo_nas.evaluation.training_paths import describe_paths
from evo_nas.evaluation.workers import worker_count, workers_for_others
from evo_nas.results.charts.notebook import card
from evo_nas.results.facts import given_text, inventory_facts
from evo_nas.results.tables import Facts, Table
from evo_nas.search.config import Config
from evo_nas.search.course.ending import shares
from evo_nas.search.given.target import IMAGES, at_images
from evo_nas.search.limits import told_conditions
from evo_nas.search.plan import StageOutlook
from evo_nas.strategies.settings import Settings
from evo_nas.training.steps.helpers import process_count
from evo_nas.training.steps.ranks import rank_count

from .fitting import fitting, limit_rows, published_costs, up_to

if TYPE_CHECKING:
    from evo_nas.api import Prepared

_IMAGENET = (224, 3, 1000)  # pixels a side, channels, classes


def plan_facts(prepared: Prepared) -> Facts:
    """All but the stages, and the published networks."""
    config, plan, settings = prepared.config, prepared.plan, prepared.config.settings
    words = (f"{f.name.replace('_', ' ')} {getattr(settings, f.name)}" for f in fields(settings))
    return [
        ("space", config.space),
        ("strategy", f"{config.strategy}, seed {config.seed}"),
        *_limits(prepared),
        ("FLOPs are counted", f"{plan.space.counted}; {plan.agreement}"),
        *_not_at_images(prepared),
        ("scores come from", _evaluators(prepared)),
        *_images(prepared),
        ("computed on", processes(prepared)),
        ("settings", ", ".join(words)),
        *_early_ends(prepared),
        *_start(prepared),
        ("run folder", str(prepared.folder)),
    ]


def stage_table(prepared: Prepared) -> Table:
    """A row for each stage: what it decides, among how many, and what limits leave."""
    return Table(_STAGE, [_stage(outlook) for outlook in prepared.plan.stages])


def plan_card(prepared: Prepared) -> str:
    """The plan as HTML, for notebooks."""
    table, published = stage_table(prepared), prepared.plan.published
    names = [column.removeprefix(">") for column in table.columns]
    stages = [
        (row[0], ", ".join(f"{name} {cell}" for name, cell in zip(names[1:], row[1:], strict=True)))
        for row in table.rows
    ]
    others = [("published networks", published_costs(published, judged=True))] if published else []
    return card("Plan", [*plan_facts(prepared), *stages, *others])


def _images(prepared: Prepared) -> Facts:
    """What a run does with images, if it looks at some."""
    config, data, recipe = prepared.config, prepared.data, prepared.config.recipe
    if not len(data.train):
        return [("images", "none are needed")]
    images = f"{len(data.train):,} training and {len(data.validation):,} validation images"
    start = "from shared weights" if config.inherit else "from scratch"
    finalists = recipe.retraining(config.inherit).epochs
    epochs = f"supernet {counted(recipe.supernet.epochs, 'epoch')}, finalists {finalists} {start}"
    size = "target" if config.geometry.same_size(prepared.plan.space.target) else "proxy"
    shape = config.geometry.image_size, config.geometry.channels
    reading = Preprocessing(*shape, data.mean, data.std, data.reading)
    return [
        (
            "accuracy is measured",
            f"at the {size}: {config.geometry}; on {_source(config.data)}: {images}; the test "
            "split is read once, at the end",
        ),
        *inventory_facts(prepared.inventory),
        ("training images are", data.train.kept),
        *([] if isinstance(data.reading, str) else [("pictures are read", str(reading))]),
        *(("note", note) for note in data.notes),
        ("recipe", f"{recipe.name}: {epochs} each"),
        *_paths(prepared),
        *_halving(config.settings, finalists),
        *((f"teacher in {section}", told) for section, told in prepared.teachers.items()),
    ]


def _not_at_images(prepared: Prepared) -> Facts:
    """That costs are counted at other images than the run's, where they could be at these."""
    space, data = prepared.plan.space, prepared.data
    if not len(data.train) or not space.target_sizes:
        return []
    (channels, size), classes, at = data.train.shape, len(data.classes), space.target
    if (at.image_size, at.channels, at.classes) == (size, channels, classes):
        return []
    imagenet = (at.image_size, at.channels, at.classes) == _IMAGENET
    told = f"not at your images ({size}x{size}x{channels}, {classes} classes)"
    told = f"that is ImageNet's geometry, {told}" if imagenet else told
    with suppress(EvoNasError):  # it has no proxy for them
        told += f"; --target {IMAGES} counts there: {at_images(space, data)}"
    return [("", told)]


def _paths(prepared: Prepared) -> Facts:
    """What a step of shared weights trains, where that is not one path of all that is searched."""
    told, evaluator = describe_paths(prepared.config.recipe), _scorer(prepared)
    if not told or evaluator is None or not evaluator.shares_weights:
        return []
    return [("shared weights", f"each step trains {told}")]


def _halving(settings: Settings, epochs: int) -> Facts:
    """The rungs of finalists, if there are several, and what they spare."""
    first, *rungs = ladder(settings.finalists, settings.halving, epochs)
    if not rungs:
        return []
    told = [f"{counted(first.width, 'finalist')} until epoch {first.end}"]
    told += [f"{rung.width} until {rung.end}" for rung in rungs]
    epochs_in_all = sum(rung.width * (rung.end - rung.begin) for rung in [first, *rungs])
    spent = counted(epochs_in_all, "epoch")
    return [("halving", f"{', '.join(told)}: {spent}, not {first.width * epochs}")]


def _start(prepared: Prepared) -> Facts:
    """What searches begin with, if something was given."""
    known = sum(bool(one.metrics) for one in prepared.given)
    told = given_text(len(prepared.given) - known, known)
    return [("searches begin with", told)] if told else []


def _early_ends(prepared: Prepared) -> Facts:
    """What may end searches before all candidates are scored, if something may."""
    ends = shares([outlook.stage for outlook in prepared.plan.stages])
    told = prepared.config.rules.plan(ends)
    if told and not ends:
        told = ["no candidate is scored, so nothing does"]
    return [("searches end early", "; ".join(told))] if told else []


def _source(data: str) -> str:
    """The images, and that a folder which is called as they are is not meant."""
    name, _, _ = data.partition("?")
    hidden = not registry.is_path("data", name) and os.path.isdir(name)
    return f"{data} (built in, not the folder ./{name})" if hidden else data


def _limits(prepared: Prepared) -> Facts:
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


_STAGE = ("stage", "decides", ">genomes", ">fit the budget", ">share", ">candidates")


def _stage(outlook: StageOutlook) -> tuple[str, ...]:
    stage, legal = outlook.stage, outlook.feasible
    return (
        stage.name,
        "all choices" if stage.level is None else f"level {stage.level}",
        up_to(outlook.smallest, outlook.largest),
        *(fitting(legal) if legal else ("follows", "follows")),
        f"{stage.candidates:,}",
    )


def _scorer(prepared: Prepared) -> Evaluator | None:
    """Who scores candidates, where a stage has them scored before it trains finalists."""
    scored = any(outlook.stage.scored for outlook in prepared.plan.stages)
    return registry.load("evaluator", prepared.config.evaluator) if scored else None


def _evaluators(prepared: Prepared) -> str:
    """Who scores candidates, and who confirms the best."""
    config, evaluator = prepared.config, _scorer(prepared)
    if evaluator is None:
        return f"{config.retrainer}; no candidate is scored before"
    first = prepared.plan.stages[0].feasible
    assert first is not None, "the first stage depends on no other"
    told = [evaluator.demand(first.space, config.geometry, config.recipe)]
    if evaluator.conditions:
        told.append(told_conditions(evaluator.conditions, config.device))
    about = f" ({'; '.join(filter(None, told))})" if any(told) else ""
    return f"evaluator {config.evaluator}{about}; finalists: {config.retrainer}"


def processes(prepared: Prepared) -> str:
    """Where each phase works; see :mod:`evo_nas.evaluation.workers`."""
    config = prepared.config
    retrainer: Evaluator = registry.load("evaluator", config.retrainer)
    phases = [("finalists", retrainer, config.finalist_time_limit)]
    scorer = _scorer(prepared)
    if scorer is not None:
        phases.insert(0, ("scores", scorer, config.time_limit))
    told = [f"{config.device}, {counted(config.threads, 'thread')}"]
    many = config.recipe.supernet.shards > 1 or rank_count() > 1
    if scorer is not None and scorer.shares_weights and many:
        told.append(f"shared weights in {_shared(config)}")
    for phase, evaluator, limit in phases:
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


def _shared(config: Config) -> str:
    """How many processes, or ranks, propagate the shards of a step."""
    phase = config.recipe.supernet
    count = process_count(phase, config.device, config.jobs)
    ranks = rank_count()
    who = f"{count} of {ranks} ranks" if ranks > 1 else counted(count, "process", "processes")
    return f"{who}, {counted(phase.shards, 'shard')} of each step"


def _workers(count: int) -> str:
    return counted(count, "worker process", "worker processes")
