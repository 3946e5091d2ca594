"""A run: the network that it found, how well it did, how far to trust that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.core.console import duration
from evo_nas.errors import EvoNasError, in_short
from evo_nas.evaluation.evaluator import Objective
from evo_nas.evaluation.final_test.confusion import Confusion
from evo_nas.results.candidates import (
    Candidate,
    Finalist,
    Stage,
    read_stage,
)
from evo_nas.results.facts import best_facts, delivered_table, stage_facts
from evo_nas.results.page.commands import next_commands, train_command
from evo_nas.results.result import Result
from evo_nas.results.tables import Table, score_text
from evo_nas.sampling.limits import format_amount
from evo_nas.search.course.standing import standing
from evo_nas.search.promises.failures import most_frequent
from evo_nas.search.run_folder import FINALISTS, PAGE, unfinished
from evo_nas.training.ledger import Ledger

from .architecture import architecture_view
from .standing import standing_view
from .tables import facts_view, table_view


def result_view(result: Result) -> RenderableType:
    """A run, finished or not: the network, how well it did, and how far to trust that."""
    config, parts = result.config, standing_view(standing(result.folder))
    if result.best is None and not parts:
        parts.append(Text(unfinished(result.folder)))
    elif result.best is not None:
        title, costs = f"Best network of {result.folder}", result.best["target"]
        parts += [architecture_view(result.portrait, title, costs), Text()]
        parts.append(facts_view(best_facts(result.best, config, result.facts)))
        if delivered := delivered_table(result.best):
            parts.append(table_view(delivered))
            if train := train_command(result, result.target):
                parts.append(Text(f"{train} trains it at the target"))
    goals = _objective(result, config.evaluator), _objective(result, config.retrainer)
    stages = [read_stage(result.evaluations, name, *goals) for name in result.stages]
    parts.append(table_view(_stages(result, stages)))
    found = {stage: stage_facts(result, stage) for stage in result.stages}
    parts += [facts_view([(f"{stage}: {k}", v) for k, v in f]) for stage, f in found.items() if f]
    parts += map(Text, _failures(result))
    if result.best is not None:
        parts.append(_finalists(stages[-1], result))
        if halving := stages[-1].halving:
            parts.append(table_view(replace(halving, rows=[*halving.rows, *halving.foot])))
    parts += [
        Text(f"note, {where}: {line}") for where, lines in result.notes.items() for line in lines
    ]
    parts += map(Text, _spent(result))
    return Group(*parts)


def going_on(result: Result) -> str:
    """Where the page is, and commands that one wants next, each of which can be pasted."""
    lines = next_commands(result, result.target)[:3]
    width = max(len(line) for line, _ in lines)
    told = [f"page: {result.folder / PAGE}", "next:"]
    return "\n".join([*told, *(f"  {line:{width}}  # {about}" for line, about in lines)])


def _spent(result: Result) -> Iterator[str]:
    if result.spent:
        phases = [
            f"{stage} {phase} {duration(seconds)}"
            for (stage, phase), seconds in result.spent.items()
            if seconds >= 0.05  # others would show as 0.0 s
        ]
        total = f"{duration(sum(result.spent.values()))} in all"
        yield f"time: {', '.join(phases)}{'; ' if phases else ''}{total}"
    if result.images:
        seen, final = sum(result.images.values(), Ledger()), result.final.measured
        yield (
            f"images: {seen.trained:,} forward and backward, {seen.measured:,} forward only"
            f"{f' ({final:,} in the final test)' if final else ''}, as much as "
            f"{format_amount(result.cost.passes)} forward passes"
            f"{', without the final test' if final else ''}"
        )


def _stages(result: Result, stages: Sequence[Stage]) -> Table:
    """What each stage's search scored best, its best finalist, and how far to trust its scores."""
    rows = []
    for stage in stages:
        reliability = result.reliability(stage.name)
        rows.append((
            stage.name,
            f"{stage.proposed:,}",
            _best(stage.ranked, stage.objective),
            _best(stage.finalists, stage.truth),
            "-" if reliability is None else f"{reliability:.2f} (split-half)",
        ))  # fmt: skip
    scores = (">best score", ">best finalist", ">reliability of scores")
    return Table(("stage", ">candidates", *scores), rows)


def _failures(result: Result) -> Iterator[str]:
    """How many candidates of each phase failed, and the most frequent reasons."""
    for stage, phase in product(result.stages, ("search", "finalists")):
        reasons = result.failed(stage, phase)
        if reasons:
            asked = result.of(stage, phase)
            count = len({e.genome for e in asked} if phase == "finalists" else asked)
            yield (
                f"{stage} {phase}: {len(reasons):,} of {count:,} candidates failed; the most "
                "frequent reasons:"
            )
            yield from (f"  {number:,} x {in_short(why)}" for why, number in most_frequent(reasons))


def _finalists(stage: Stage, result: Result) -> RenderableType:
    """The finalists of a stage, and which of them no other beats at fewer FLOPs."""
    if not stage.finalists:  # though a best network came of them
        return Text(
            f"finalists: not shown, since retrainer {result.config.retrainer} cannot be loaded here"
        )
    front = stage.front
    rows = [
        (
            f"{finalist.place}",
            score_text(finalist.score),
            *([f"{finalist.epochs}"] if stage.rungs else []),
            f"{finalist.evaluation.flops:,}",
            f"{finalist.evaluation.params:,}",
            "yes" if finalist.evaluation.genome in front else "",
            *([] if stage.by_score else [finalist.chosen_by]),
        )
        for finalist in stage.shown
    ]
    score = [f">{stage.truth.name}", *([">epochs"] if stage.rungs else [])]
    columns = ["finalist", *score, ">FLOPs", ">parameters", "Pareto front"]
    columns += [] if stage.by_score else ["chosen by"]
    more = len(stage.finalists) - len(rows)
    where = "" if stage.rungs else f", in {result.folder / FINALISTS}"
    note = [Text(f"and {more} more{where}")] if more > 0 else []
    return Group(table_view(Table(tuple(columns), rows)), *note)


def _objective(result: Result, evaluator: str) -> Objective:
    """What it ranks by first; accuracy if it cannot be loaded any more."""
    try:
        return result.objective(evaluator)
    except EvoNasError:
        return Objective("accuracy")


def _best(ranked: Sequence[Candidate | Finalist], objective: Objective) -> str:
    """The first score, with its name unless it is an accuracy."""
    score = score_text(ranked[0].score if ranked else None)
    return score if objective.name == "accuracy" or not ranked else f"{objective.name} {score}"


def result_document(result: Result) -> dict[str, Any]:
    """A run, finished or not."""
    return {
        "run_folder": str(result.folder),
        "finished": result.best is not None,
        "at_work": (now := standing(result.folder)) and asdict(now),
        "best": result.best,
        "stages": {
            stage: {
                "candidates": len(result.of(stage, "search")),
                "failed": {
                    phase: {"candidates": len(reasons), "reasons": dict(most_frequent(reasons))}
                    for phase in ("search", "finalists")
                    if (reasons := result.failed(stage, phase))
                },
                "finalists": [
                    {
                        "genome": list(e.genome),
                        "flops": e.flops,
                        "metrics": dict(e.metrics),
                        "failure": e.failure,
                        "chosen_by": e.origin,
                    }
                    for e in result.of(stage, "finalists")
                ],
                "reliability": result.reliability(stage),
                "findings": result.findings(stage),
                "ended": (ending := result.ending(stage)) and asdict(ending),
            }
            for stage in result.stages
        },
        "by_class": {split: _by_class(told) for split, told in result.confusions.items()},
        "rejected": result.facts.get("rejected"),
        "seconds": {f"{stage} {phase}": s for (stage, phase), s in result.spent.items()},
        "images": {f"{stage} {phase}": asdict(i) for (stage, phase), i in result.images.items()},
        "images_understood": (found := result.facts.get("inventory")) and asdict(found),
        "versions": result.facts["versions"],
        "config": asdict(result.config),
    }


def _by_class(told: Confusion) -> dict[str, Any]:
    """How a split's images were recognised, and what was taken for what."""
    each = zip(told.classes, told.images, told.recalls, strict=True)
    return {
        "balanced_accuracy": told.balanced_accuracy,
        "classes": [{"class": name, "images": n, "recall": recall} for name, n, recall in each],
        "confused": [
            {"class": name, "taken_for": taken, "images": n} for name, taken, n in told.confused
        ],
    }
