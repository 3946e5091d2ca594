"""Whole runs on the small test space, with evaluators that do not train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas import api
from evo_nas.analysis.comparison.report import Report
from evo_nas.core.progress import Silent
from evo_nas.results.result import Result
from evo_nas.search.scoring import Scorer

SMALL: dict[str, Any] = {
    "evaluator": "tests.kit.plugins:Score",
    "retrainer": "tests.kit.plugins:Keep",
    "data": "digits?train=100&validation=50&test=50",
    "samples": 24,
    "population": 8,
    "parents": 3,
    "finalists": 3,
}

SPACE = "tests.kit.plugins:Tiny?blocks=4"

BUDGET = "250..400"

FLAT = ["spos", "random_search", "random", "distribution", "largest", "nsga2"]
FLAT += ["regularized?population=8&sample=3&batch=4", "surrogate?first=8&batch=4&pool=40"]


def run(folder: Path, **changes: Any) -> Result:
    options = {**SMALL, **changes}
    space = options.pop("space", SPACE)
    return evo_nas.run(space, options.pop("flops", BUDGET), run_dir=folder, **options)


def edit(folder: Path, old: str, new: str) -> None:
    """Change the configuration of a run."""
    config = folder / "config.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def told(result: Result) -> list[tuple[object, ...]]:
    """What was evaluated, in order."""
    return [
        (e.stage, e.phase, e.generation, e.position, e.genome, e.metrics, e.origin, e.parents)
        for e in result.evaluations
    ]


def outcome(result: Result) -> tuple[object, ...]:
    """All that must not depend on interruptions."""
    return told(result), result.best, (result.folder / "best.safetensors").read_bytes()


class Interruption(BaseException):
    """As a kill: nothing catches it."""


def stop_after(evaluations: int, patch: pytest.MonkeyPatch) -> None:
    """Let a run end abruptly once so many evaluations are recorded."""
    left, record = evaluations, Scorer._record

    def record_or_stop(*arguments: Any) -> Any:
        nonlocal left
        if not left:
            raise Interruption
        left -= 1
        return record(*arguments)

    patch.setattr(Scorer, "_record", record_or_stop)


def stopped(evaluations: int, go: Callable[..., Result], *arguments: Any, **changes: Any) -> None:
    """Run or resume until so many evaluations are recorded."""
    with pytest.MonkeyPatch.context() as patch:
        stop_after(evaluations, patch)
        with pytest.raises(Interruption):
            go(*arguments, **changes)


class Stop(Silent):
    """Ends a run as Ctrl-C does, when it first gets on."""

    def advance(self, done: float, note: str = "") -> None:
        raise KeyboardInterrupt


class Listener(Silent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def say(self, message: str) -> None:
        self.heard.append(message)


TABLE = "a,b,flops,accuracy\n" + "".join(
    f"{a},{b},{10 * a + b},0.{a}{b}\n" for a in range(3) for b in range(3)
)


def make_run(folder: Path) -> None:
    """A finished run that trained nothing."""
    table = folder.with_name("table.csv")
    table.write_text(TABLE)
    api.run(
        f"table?file={table}", "25", evaluator="table", strategy="random_search", samples=6,
        population=3, finalists=2, run_dir=folder,
    )  # fmt: skip


STRATEGIES = "hierarchical,spos,random,largest"

_COMPARED_DATA = "digits?train=200&validation=200&test=50"

COUNTED = {
    "evaluator": "tests.kit.plugins:Seen",
    "retrainer": "tests.kit.plugins:Seen?trained=300",
    "data": None,
}


def compared(folder: Path, strategies: str = STRATEGIES, **changes: Any) -> Report:
    given = {
        "seeds": 3, "jobs": 1, "space": SPACE, "flops": BUDGET, "device": "cpu", **SMALL,
        "data": _COMPARED_DATA, **changes,
    }  # fmt: skip
    return evo_nas.compare(strategies.split(","), run_dir=folder, **given)
