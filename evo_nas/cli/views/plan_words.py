"""What the plan of a run says of its evaluators: which they are, and where they work."""

from __future__ import annotations

from evo_nas.api import Prepared
from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.evaluation.workers import planned_workers, workers_for_others
from evo_nas.search.limit_facts import told_conditions


def evaluators(prepared: Prepared) -> str:
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
        count = planned_workers(evaluator, *where)
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
