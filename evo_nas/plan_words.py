"""What the plan of a run says of its evaluators: which they are, and where they work."""

from __future__ import annotations

from . import registry
from .api import Prepared
from .evaluator import Evaluator
from .working import planned_workers


def evaluators(prepared: Prepared) -> str:
    """Who scores candidates, and who confirms the best."""
    config = prepared.config
    if any(outlook.stage.scored for outlook in prepared.plan.stages):
        evaluator: Evaluator = registry.load("evaluator", config.evaluator)
        under = f" ({evaluator.conditions})" if evaluator.conditions else ""
        return f"evaluator {config.evaluator}{under}; finalists: {config.retrainer}"
    return f"{config.retrainer}; no candidate is scored before"


def processes(prepared: Prepared) -> str:
    """Where each phase works; see :mod:`evo_nas.working`."""
    config = prepared.config
    phases = [("finalists", config.retrainer, config.finalist_time_limit)]
    if any(outlook.stage.scored for outlook in prepared.plan.stages):
        phases.insert(0, ("scores", config.evaluator, config.time_limit))
    told = [f"{config.device}, {config.threads} threads"]
    for phase, spec, limit in phases:
        evaluator: Evaluator = registry.load("evaluator", spec)
        count = planned_workers(evaluator, prepared.plan.space, config.device, config.jobs, limit)
        workers = f"{count} worker process{'es' if count > 1 else ''}"
        # Evaluators outside of workers may start some themselves, as supernet does.
        itself = "the process of the search"
        if config.device == "cpu" and config.jobs > 1:
            itself += f" and up to {config.jobs} that it starts"
        told.append(f"{phase} in {workers if count else itself}")
    return "; ".join(told)
