"""A run for people: the network that it found, how well it did, how far to trust that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evo_nas.core.console import duration
from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError, in_short
from evo_nas.evaluation.evaluator import Evaluator, Objective
from evo_nas.results.result import Result, conditions_facts, limited_facts, measured_facts
from evo_nas.sampling.budget import format_amount
from evo_nas.search.failures import most_frequent
from evo_nas.search.run_folder import FINALISTS
from evo_nas.search.store.store import Evaluation
from evo_nas.space.space import Space
from evo_nas.strategies.base import Scored, pareto_front, rank

from .plan import architecture_view
from .tables import fact_grid, plain_table

_MOST_FINALISTS = 10


def result_view(result: Result, space: Space) -> RenderableType:
    """A run, finished or not: the network, how well it did, and how far to trust that."""
    parts: list[RenderableType] = []
    if result.best is not None:
        genome = space.encode(result.best["choices"])
        parts += [architecture_view(space, genome, f"Best network of {result.folder}"), Text()]
        facts = (*measured_facts(result.best["measured"]), *conditions_facts(result))
        parts.append(fact_grid(*facts, *limited_facts(result)))
    else:
        parts.append(Text(f"{result.folder} is not finished; evo-nas resume {result.folder}"))
    parts.append(_search_table(result))
    parts += [Text(line) for line in _failures(result)]
    if result.best is not None:
        parts.append(_finalists_table(result, space))
    for where, lines in result.notes.items():
        parts += [Text(f"note, {where}: {line}") for line in lines]
    if result.spent:
        parts.append(Text(f"time: {_times(result)}"))
    if result.images:
        cost = result.cost
        parts.append(
            Text(
                f"images: {cost.trained:,} forward and backward, {cost.measured:,} forward only, "
                f"as much as {format_amount(cost.passes)} forward passes"
            )
        )
    return Group(*parts)


def _times(result: Result) -> str:
    total = f"{duration(sum(result.spent.values()))} in all"
    phases = [
        f"{stage} {phase} {duration(seconds)}"
        for (stage, phase), seconds in result.spent.items()
        if seconds >= 0.05  # others would show as 0.0 s
    ]
    return f"{', '.join(phases)}; {total}" if phases else total


def _search_table(result: Result) -> Table:
    table = plain_table(
        "stage", ">candidates", ">best score", ">best finalist", ">reliability of scores"
    )
    goals = _objective(result.config.evaluator), _objective(result.config.retrainer)
    for stage in result.stages:
        search, finalists = result.of(stage, "search"), result.of(stage, "finalists")
        reliability = result.reliability(stage)
        table.add_row(
            stage,
            f"{len(search):,}",
            _best(search, goals[0]),
            _best(finalists, goals[1]),
            "-" if reliability is None else f"{reliability:.2f} (split-half)",
        )
    return table


def _failures(result: Result) -> Iterator[str]:
    """How many candidates of each phase failed, and the most frequent reasons."""
    for stage, phase in product(result.stages, ("search", "finalists")):
        reasons = result.failed(stage, phase)
        if reasons:
            yield (
                f"{stage} {phase}: {len(reasons):,} of {len(result.of(stage, phase)):,} candidates "
                "failed; the most frequent reasons:"
            )
            yield from (f"  {number:,} x {in_short(why)}" for why, number in most_frequent(reasons))


def _finalists_table(result: Result, space: Space) -> RenderableType:
    """The finalists of the last stage, and which of them no other beats at fewer FLOPs."""
    finalists = result.of(result.stages[-1], "finalists")
    objective = registry.load("evaluator", result.config.retrainer).objectives[0]
    ranked = rank((Scored(e.genome, e.flops, e.metrics) for e in finalists), [objective])
    front = pareto_front(ranked, objective)
    table = plain_table("finalist", f">{objective.name}", ">FLOPs", ">parameters", "Pareto front")
    for number, finalist in enumerate(ranked[:_MOST_FINALISTS], start=1):
        table.add_row(
            f"{number}",
            f"{finalist.metrics[objective.name]:.4f}",
            f"{finalist.flops:,}",
            f"{space.costs(finalist.genome)['params']:,}",
            "yes" if finalist in front else "",
        )
    more = len(ranked) - _MOST_FINALISTS
    note = [Text(f"and {more} more, in {result.folder / FINALISTS}")] if more > 0 else []
    return Group(table, *note)


def _objective(evaluator: str) -> Objective:
    """The first objective of an evaluator; accuracy if it cannot be loaded any more."""
    try:
        loaded: Evaluator = registry.load("evaluator", evaluator)
    except EvoNasError:
        return Objective("accuracy")
    return loaded.objectives[0]


def _best(evaluations: Sequence[Evaluation], objective: Objective) -> str:
    """The best score, with its name unless it is an accuracy."""
    name = objective.name
    scores = [e.metrics[name] for e in evaluations if name in e.metrics]
    if not scores:
        return "-"
    best = max(scores) if objective.maximise else min(scores)
    return f"{best:.4f}" if name == "accuracy" else f"{name} {best:.4f}"
