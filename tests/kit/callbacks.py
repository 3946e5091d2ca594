"""Callbacks that remember, and what a small run tells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evo_nas.callbacks import Callback, EpochDone, RunBegun, RunEnded, StageEnded
from evo_nas.search import Evaluation
from evo_nas.strategies import Scored, StagePlan
from evo_nas.training import Ledger


class Memory(Callback):
    """Remembers what it is told, by the names of methods; ends a stage at an evaluation."""

    def __init__(self, last: tuple[int, int] = (-1, -1)) -> None:
        self.told: list[tuple[str, Any]] = []
        self._last = last

    def of(self, method: str) -> list[Any]:
        return [event for name, event in self.told if name == method]

    @property
    def methods(self) -> list[str]:
        """What it was told, a series of the same once."""
        names = [name for name, _ in self.told]
        return [n for n, before in zip(names, ["", *names], strict=False) if n != before]

    def run_begun(self, run: RunBegun) -> None:
        self.told.append(("run_begun", run))

    def stage_begun(self, stage: StagePlan) -> None:
        self.told.append(("stage_begun", stage))

    def evaluation_done(self, evaluation: Evaluation) -> str | None:
        self.told.append(("evaluation_done", evaluation))
        here = evaluation.generation, evaluation.position
        return "seen enough" if here == self._last else None

    def epoch_done(self, epoch: EpochDone) -> None:
        self.told.append(("epoch_done", epoch))

    def stage_ended(self, stage: StageEnded) -> None:
        self.told.append(("stage_ended", stage))

    def run_ended(self, run: RunEnded) -> None:
        self.told.append(("run_ended", run))


PLAN = StagePlan("stage1", None, 2, 1)
MEASURED = {"test_accuracy": 0.75, "by": "train", "delivered": {"flops": 12}}


def evaluation(position: int, phase: str = "search", failure: str | None = None) -> Evaluation:
    metrics = {} if failure else {"accuracy": 0.5 + position / 8}
    return Evaluation(
        "stage1", phase, 0, position, (position, 1), 10, 20, metrics, "random", (), 0.25,
        Ledger(100, 50), failure,
    )  # fmt: skip


def play(callback: Callback, folder: Path, recorded: int = 0, status: Any = "finished") -> None:
    """Tell a callback what a small run tells; one that is resumed, of its finalist alone."""
    options = {"space": "tiny", "settings": {"samples": 2}}
    callback.run_begun(RunBegun(folder, "0123456789abcdef", options, recorded))
    callback.stage_begun(PLAN)
    if not recorded:
        for number in (1, 2):
            shared = "training shared weights"
            callback.epoch_done(EpochDone("stage1", "search", shared, number, 2 / number, 0.1, 500))
        callback.evaluation_done(evaluation(0))
        callback.evaluation_done(evaluation(1, failure="it broke"))
    callback.epoch_done(EpochDone("stage1", "finalists", "training genome 0 1", 1, 0.5, 0.1, 500))
    callback.evaluation_done(evaluation(2, "finalists"))
    callback.stage_ended(StageEnded(PLAN, [Scored((0, 1), 10, {"accuracy": 0.75})]))
    callback.run_ended(RunEnded(status, MEASURED if status == "finished" else {}))
