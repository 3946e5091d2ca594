"""Evaluating in worker processes: what a worker is given, and what it answers.

Plug-ins are named by their specs and loaded once in each worker, because objects of classes from a
file cannot be unpickled elsewhere. All else that a worker needs lies in a file that all of them
read; images in it are mapped, and so shared.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import torch
from joblib.externals.loky.backend import resource_tracker
from torch import Tensor

from evo_nas import errors
from evo_nas.core.plugins import modules, registry
from evo_nas.core.plugins.blame import describe
from evo_nas.core.progress import Messages, Silent
from evo_nas.core.streams import Streams
from evo_nas.core.workers.pool import Lost, WorkerPool
from evo_nas.core.workers.start import track
from evo_nas.data.source import SearchData
from evo_nas.errors import EvaluatorError, EvoNasError
from evo_nas.space.space import Genome, Geometry, Option, Space
from evo_nas.space.subspace import Subspace
from evo_nas.training.batches import Ledger
from evo_nas.training.recipe import Recipe

from .evaluator import EvaluationContext, Evaluator, Failure, Outcome
from .outcomes import outcome_of


def worker_count(
    evaluator: Evaluator, space: Space, context: EvaluationContext, limit: float
) -> int:
    """How many workers an evaluator is to have; 0 where it works in this process.

    That is where it does not say ``in_workers``, where nothing is gained (one worker, and no time
    limit), and where it or the space was made in Python, so that no spec is known.
    """
    return planned_workers(evaluator, space, context.device, context.jobs, limit)


def planned_workers(
    evaluator: Evaluator, space: Space, device: str, jobs: int, limit: float
) -> int:
    """The same, before there is a context."""
    if not (evaluator.in_workers and isinstance(_spec(evaluator), str)):
        return 0
    return workers_for_others(space, device, jobs, limit)


def workers_for_others(space: Space, device: str, jobs: int, limit: float) -> int:
    """The same, of an evaluator that is ``in_workers`` and that another one asks."""
    if not isinstance(_spec(space.root), str):
        return 0
    count = len(_devices(device, jobs))
    return count if count > 1 or limit else 0


class Workers:
    """Evaluates genomes of ``space`` in worker processes, in each of which the evaluator is opened.

    The evaluator says ``in_workers``. More than ``limit`` seconds (0: any time) fail a candidate,
    and so does the death of two workers over it.
    """

    def __init__(
        self, evaluator: Evaluator, space: Space, context: EvaluationContext, limit: float = 0
    ) -> None:
        self._context, self._messages = context, Messages(context.progress)
        devices = _devices(context.device, context.jobs)
        frozen, root = [], space
        while isinstance(root, Subspace):
            frozen.append(root.fixed)
            root = root.base
        job = _Job(
            evaluator=str(_spec(evaluator)),
            space=str(_spec(root)),
            frozen=tuple(reversed(frozen)),
            streams=context.streams,
            folder=context.folder,
            geometry=context.geometry,
            data=replace(
                context.data,
                train=context.data.train.for_processes(len(devices)),
                validation=context.data.validation.for_processes(len(devices)),
            ),
            recipe=context.recipe,
            epochs=context.epochs,
            inherits=context.initial_weights is not None,
            files=modules.files(),
        )
        track()
        # A private one, as what is in it is unpickled. The tracker, which outlives a kill of the
        # whole process group, removes it should this process be killed.
        self._folder = tempfile.mkdtemp(prefix="evo-nas-")
        resource_tracker.register(self._folder, "folder")
        path = Path(self._folder) / "job"
        joblib.dump(job, path)
        self._pool = WorkerPool([_Desk(path, device) for device in devices], limit)

    def outcomes(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Each position in ``genomes`` once, with checked metrics or why there are none.

        Raises:
            EvoNasError: something failed that is not about a candidate.
        """
        context = self._context
        tasks = [_Task(genome, self._weights(genome)) for genome in genomes]
        for position, answer in self._pool.run(tasks):
            if isinstance(answer, Lost):
                yield position, Failure(answer.reason)
                continue
            if isinstance(answer, _Raised):
                raise answer.error()
            for line in answer.said:
                self._messages.say(line)  # once, though each worker may say it
            context.notes.extend(answer.notes)
            context.ledger.add(answer.images)
            yield position, answer.outcome

    def close(self) -> None:
        """End the workers, whatever they are at."""
        self._pool.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        resource_tracker.unregister(self._folder, "folder")

    def _weights(self, genome: Genome) -> Mapping[str, Tensor] | None:
        offered = self._context.initial_weights
        return None if offered is None else dict(offered(genome))


def _devices(device: str, jobs: int) -> list[str]:
    """One for each worker: the GPUs where there are some, else as many times the CPU as jobs."""
    if device == "cuda":
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [device] * (jobs if device == "cpu" else 1)


def _spec(plugin: object) -> object:
    """The spec that a plug-in was loaded by, if it was."""
    return getattr(plugin, "spec", None)


# -- what travels ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Job:
    """What is the same for all candidates; ``frozen`` makes a stage of the root space.

    ``files`` are the digests of the plug-in files as the run loaded them: a worker may start later.
    """

    evaluator: str
    space: str
    frozen: tuple[Mapping[str, Option], ...]
    streams: Streams
    folder: Path
    geometry: Geometry
    data: SearchData
    recipe: Recipe
    epochs: int
    inherits: bool
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Task:
    """One candidate, and the weights that it starts from, if such are offered."""

    genome: Genome
    weights: Mapping[str, Tensor] | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a worker has to say of a candidate."""

    outcome: Outcome
    images: Ledger
    notes: list[str]
    said: list[str]


@dataclass(frozen=True, slots=True)
class _Raised:
    """An error that ends the run, in words: its class may be known in the worker only."""

    kind: str
    message: str

    @classmethod
    def by(cls, error: EvoNasError) -> _Raised:
        ours = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
        return cls(ours.__name__, str(error))

    def error(self) -> EvoNasError:
        kind: type[EvoNasError] = getattr(errors, self.kind)
        return kind(self.message)


# -- in the worker ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Desk:
    """What one worker does; see :class:`evo_nas.core.workers.pool.Service`."""

    job: Path
    device: str

    def open(self) -> None:
        """Open the evaluator, unless this process has."""
        if self.job not in _opened:
            try:
                _opened[self.job] = _Opened(joblib.load(self.job, mmap_mode="c"), self.device)
            except EvoNasError as error:
                _opened[self.job] = _Raised.by(error)
            except Exception as error:  # a plug-in may fail in any way
                told = f"the evaluator could not be opened in a worker process: {describe(error)}"
                _opened[self.job] = _Raised.by(EvaluatorError(told))

    def do(self, task: _Task) -> _Answer | _Raised:
        """Evaluate one candidate."""
        self.open()  # the process may be a new one
        opened = _opened[self.job]
        return opened if isinstance(opened, _Raised) else opened.evaluate(task)


class _Opened:
    """An evaluator at work in this process."""

    def __init__(self, job: _Job, device: str) -> None:
        space: Space = registry.load("space", job.space)
        self._evaluator: Evaluator = registry.load("evaluator", job.evaluator)
        modules.check_files(job.files)
        for fixed in job.frozen:
            space = Subspace(space, fixed)
        self._heard, self._task = _Heard(), _Task((), None)
        self._context = EvaluationContext(
            streams=job.streams,
            folder=job.folder,
            geometry=job.geometry,
            data=job.data,
            recipe=job.recipe,
            epochs=job.epochs,
            device=device,
            progress=self._heard,
            initial_weights=self._weights if job.inherits else None,
        )
        self._evaluator.open(space, self._context)

    def evaluate(self, task: _Task) -> _Answer | _Raised:
        """What a candidate is worth, and what happened on the way."""
        context, self._task = self._context, task
        before = replace(context.ledger)
        context.notes.clear()
        self._heard.said.clear()
        try:
            outcome = outcome_of(self._evaluator, task.genome)
        except EvoNasError as error:
            return _Raised.by(error)
        except SystemExit as error:  # of a function that believes to be the program
            outcome = Failure.by(error)
        images = context.ledger - before
        return _Answer(outcome, images, list(context.notes), list(self._heard.said))

    def _weights(self, genome: Genome) -> Mapping[str, Tensor]:
        assert self._task.weights is not None, "weights are sent where they are offered"
        assert genome == self._task.genome, "weights are asked for the candidate that is evaluated"
        return self._task.weights


class _Heard(Silent):
    """Keeps what a person should read for the process that people see."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        """Keep it."""
        self.said.append(message)


_opened: dict[Path, _Opened | _Raised] = {}
