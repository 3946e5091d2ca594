"""The contract of a callback: what it hears of a run, in the order in which that happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evo_nas.strategies.base import Scored, StagePlan

if TYPE_CHECKING:
    from evo_nas.search.store.rows import Evaluation


@dataclass(frozen=True, slots=True)
class RunBegun:
    """A run begins, or goes on: its folder, its ``id``, and its options as in config.toml.

    The id is the same whenever the run goes on. So many evaluations were ``recorded`` before, which
    are not told again; ``evo_nas.load_result(run.folder)`` reads them.
    """

    folder: Path
    id: str
    options: Mapping[str, Any]
    recorded: int = 0


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch of a training is done: mean loss, rate of the last step, images in a second.

    ``training`` says what is trained, shared weights or a genome; ``number`` counts from 1.
    """

    stage: str
    phase: str
    training: str
    number: int
    loss: float
    learning_rate: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage is over: its plan, and its finalists, best first, as full genomes."""

    stage: StagePlan
    finalists: Sequence[Scored]


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is finished, or was stopped, or failed, with an ``error``.

    Of a finished one best.json holds what was ``measured``.
    """

    status: Literal["finished", "stopped", "failed"]
    measured: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Callback:
    """Watches a run: each method is called when something has happened, and does nothing here.

    They are called in the process that was started, one after another. What one raises is told and
    noted in the run, once, and the run goes on; without the callback, if it was in
    :meth:`run_begun`. What is told is the callback's own: to change it changes nothing else.

    Nothing is told twice when a run is resumed: neither evaluations that are recorded, nor epochs
    that are done, nor stages in which nothing is left to do. What was recorded in the very moment
    in which a process was killed may not have been told at all.
    """

    def run_begun(self, run: RunBegun) -> None:
        """The run begins, or goes on."""

    def stage_begun(self, stage: StagePlan) -> None:
        """Something is left to do in a stage, and is begun."""

    def evaluation_done(self, evaluation: Evaluation) -> str | None:
        """A candidate, or a finalist (``phase``), was scored, or has failed, and is recorded.

        A text that is returned in a search says why it is to end: it does after this generation, as
        by ``--patience``. One that turns out to break a limit is told again, with the failure.
        """
        return None

    def epoch_done(self, epoch: EpochDone) -> None:
        """An epoch is done; in a worker process, it is told once that training is over.

        A training that was set back tells of epochs again.
        """

    def stage_ended(self, stage: StageEnded) -> None:
        """The finalists of a stage are retrained and ranked."""

    def run_ended(self, run: RunEnded) -> None:
        """The run is over, or was stopped: the last that is told."""
