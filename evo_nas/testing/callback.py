"""Checks of a callback, which is told what a small run tells."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from evo_nas.callbacks.callback import Callback, EpochDone, RunBegun, RunEnded, StageEnded
from evo_nas.search.store.rows import Evaluation
from evo_nas.strategies.base import Scored, StagePlan
from evo_nas.training.ledger import Ledger

from .check import Check, expect, require
from .subject import Subject, named

_STAGE = StagePlan("stage1", None, candidates=2, finalists=1)
_EPOCH = EpochDone("stage1", "search", "training shared weights", 1, 2.3, 0.1, 900.0)
_BEST = Scored((1, 0), 10**6, {"accuracy": 0.75})
_OPTIONS = {"space": "glit_hl", "flops": "1.4G", "settings": {"samples": 2}}


def check_callback(callback: str | Callback | Callable[[], Callback]) -> None:
    """Make all :func:`callback_checks`; a ConformanceError lists what failed."""
    name = callback if isinstance(callback, str) else repr(callback)
    require(f"callback {name}", callback_checks(callback))


def callback_checks(callback: str | Callback | Callable[[], Callback]) -> list[Check]:
    """The checks of a callback, to be called one by one; nothing is loaded before the first call.

    Args:
        callback: a spec as on the command line, a class or function that makes the callback, or the
            callback itself.
    """
    return _CallbackChecks(callback).checks()


class _CallbackChecks(Subject[Callback]):
    kind, base = "callback", Callback

    @named("it hears a run to its end")
    def hears(self) -> None:
        self._tell(RunEnded("finished", {"test_accuracy": 0.75}))

    @named("it hears that a run is stopped, and of the rest when it goes on")
    def hears_the_rest(self) -> None:
        self.needs_another()
        with tempfile.TemporaryDirectory() as folder:
            self._tell(RunEnded("stopped"), folder)
            self._tell(RunEnded("finished", {"test_accuracy": 0.75}), folder, recorded=2)

    def _tell(self, end: RunEnded, folder: str | None = None, recorded: int = 0) -> None:
        with tempfile.TemporaryDirectory() as other:
            callback = self.make()
            run = RunBegun(Path(folder or other), "0123456789abcdef", _OPTIONS, recorded)
            callback.run_begun(run)
            callback.stage_begun(_STAGE)
            callback.epoch_done(_EPOCH)
            for evaluation in _evaluations():
                said = callback.evaluation_done(evaluation)
                expect(
                    said is None or (isinstance(said, str) and said),
                    f"evaluation_done returned {said!r}; return a text, the reason, to end the "
                    "search of a stage, else None",
                )
            callback.stage_ended(StageEnded(_STAGE, [_BEST]))
            callback.run_ended(end)


def _evaluations() -> Iterator[Evaluation]:
    """A candidate that was scored, one that failed, one with another metric, and a finalist."""
    seen: tuple[tuple[str, dict[str, float], str | None], ...] = (
        ("search", {"accuracy": 0.5}, None),
        ("search", {}, "ValueError: it broke"),
        ("search", {"zero_cost": -3.0}, None),
        ("finalists", dict(_BEST.metrics), None),
    )
    for position, (phase, metrics, failure) in enumerate(seen):
        yield Evaluation(
            "stage1", phase, 0, position, _BEST.genome, _BEST.flops, 10**5, metrics, "random", (),
            0.1, Ledger(100, 50), failure,
        )  # fmt: skip
