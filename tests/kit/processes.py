"""Evaluators at work in processes of their own, and whether a process has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator
from evo_nas.evaluation.workers import Workers
from evo_nas.space.space import Space
from tests.kit.tinyspace import tiny_context

FILE = str(Path(__file__).with_name("dangerous.py"))


@contextlib.contextmanager
def at_work(
    spec: str,
    folder: Path,
    space: Space | None = None,
    limit: float = 0,
    **changes: Any,
) -> Iterator[tuple[Evaluator, Workers, EvaluationContext]]:
    """An evaluator in this process, and in workers."""
    evaluator: Evaluator = registry.load("evaluator", spec)
    space = space or registry.load("space", f"{FILE}:Mine?blocks=2")
    context = replace(tiny_context(folder), **{"jobs": 2, **changes})
    context.folder.mkdir(parents=True, exist_ok=True)
    evaluator.open(space, context)
    workers = Workers(evaluator, space, context, limit)
    try:
        yield evaluator, workers, context
    finally:
        workers.close()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Wait, not for long, until a process has ended."""
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


SHORT: dict[str, Any] = {
    "strategy": "random_search", "samples": 16, "population": 8, "finalists": 2, "failures": 0.8
}  # fmt: skip
