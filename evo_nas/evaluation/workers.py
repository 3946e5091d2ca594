"""Evaluating in worker processes: what a worker is given, and what it answers.

Plug-ins are named by their specs and loaded once in each worker, because objects of classes from a
file cannot be unpickled elsewhere. All else that a worker needs lies in a file that all of them
read; images in it are mapped, and so shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from evo_nas import errors
from evo_nas.core.plugins import modules, registry
from evo_nas.core.plugins.blame import describe, show_traceback
from evo_nas.core.progress import Messages, Silent
from evo_nas.core.workers.pool import Lost, WorkerPool
from evo_nas.core.workers.shared import SharedFile, read_shared
from evo_nas.errors import EvaluatorError, EvoNasError
from evo_nas.space.space import Genome, Option, Space
from evo_nas.space.subspace import Subspace
from evo_nas.training.ledger import Ledger
from evo_nas.training.trainer import Epoch

from .evaluator import Answer, EvaluationContext, Evaluator, Failure
from .outcomes import answers
from .rungs import Rung

# A genome, the weights that it starts from, if such are offered, and the rung that is asked about.
_Task: TypeAlias = tuple[Genome, Mapping[str, Tensor] | None, Rung | None]
# Its answer, and what its progress was told meanwhile, in order: lines and epochs of trainings.
_Heard: TypeAlias = "tuple[Answer, list[str | tuple[str, Epoch]]]"


def worker_count(evaluator: Evaluator, space: Space, device: str, jobs: int, limit: float) -> int:
    """How many workers an evaluator is to have; 0 where it works in this process.

    That is where it does not say ``in_workers``, where nothing is gained (one worker, and no time
    limit), and where it or the space was made in Python, so that no spec is known.
    """
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
        self._file = SharedFile(_Job.of(evaluator, space, context, len(devices)))
        openings = [partial(_open, self._file.path, device) for device in devices]
        self._pool: WorkerPool[_Task, _Heard] = WorkerPool(openings, limit)

    def answers(
        self, genomes: Sequence[Genome], rung: Rung | None = None
    ) -> Iterator[tuple[int, Answer]]:
        """Each position in ``genomes`` once, with checked metrics or why there are none.

        Raises:
            EvoNasError: something failed that is not about a candidate.
        """
        offered = self._context.initial_weights
        tasks = [(genome, offered and dict(offered(genome)), rung) for genome in genomes]
        for position, heard in self._pool.run(tasks):
            if isinstance(heard, Lost):
                yield position, Answer(Failure(heard.reason), Ledger(), ())
                continue
            answer, said = heard
            for each in said:
                if isinstance(each, str):
                    self._messages.say(each)  # once, though each worker may say it
                else:
                    self._messages.epoch(*each)
            yield position, answer

    def close(self) -> None:
        """End the workers, whatever they are at."""
        self._pool.close()
        self._file.close()


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
    context: EvaluationContext
    inherits: bool
    files: Mapping[str, str]

    @classmethod
    def of(
        cls, evaluator: Evaluator, space: Space, context: EvaluationContext, processes: int
    ) -> _Job:
        """What so many processes are given of an evaluator and its context."""
        frozen, root = [], space
        while isinstance(root, Subspace):
            frozen.append(root.fixed)
            root = root.base
        data = replace(
            context.data,
            train=context.data.train.for_processes(processes),
            validation=context.data.validation.for_processes(processes),
        )
        own = EvaluationContext(
            context.streams, context.folder, context.geometry, data, context.recipe, context.epochs
        )
        return cls(
            evaluator=str(_spec(evaluator)),
            space=str(_spec(root)),
            frozen=tuple(reversed(frozen)),
            context=own,
            inherits=context.initial_weights is not None,
            files=modules.files(),
        )


# -- in the worker ---------------------------------------------------------------------------------


def _open(file: Path, device: str) -> Callable[[_Task], _Heard]:
    """What evaluates one candidate after the other."""
    try:
        return _Opened(read_shared(file), device).answer
    except EvoNasError as error:
        raise _known(error) from None
    except Exception as error:  # a plug-in may fail in any way
        show_traceback(error)
        raise EvaluatorError(
            f"the evaluator could not be opened in a worker process: {describe(error)}"
        ) from None


class _Opened:
    """The evaluator, opened in a worker."""

    def __init__(self, job: _Job, device: str) -> None:
        space: Space = registry.load("space", job.space)
        self._evaluator: Evaluator = registry.load("evaluator", job.evaluator)
        modules.check_files(job.files)
        for fixed in job.frozen:
            space = Subspace(space, fixed)
        self._listener = _Listener()
        self._context = replace(
            job.context,
            device=device,
            progress=self._listener,
            initial_weights=self._weights if job.inherits else None,
        )
        self._evaluator.open(space, self._context)

    def answer(self, task: _Task) -> _Heard:
        """What a candidate is worth, and what happened on the way."""
        self._candidate = task
        self._context.take()
        self._listener.said.clear()
        try:
            ((_, answer),) = answers(self._evaluator, [task[0]], self._context, task[2])
        except EvoNasError as error:
            raise _known(error) from None
        return answer, [*self._listener.said]

    def _weights(self, genome: Genome) -> Mapping[str, Tensor]:
        candidate, weights, _ = self._candidate
        assert weights is not None, "weights are sent where they are offered"
        assert genome == candidate, "weights are asked for the candidate that is evaluated"
        return weights


class _Listener(Silent):
    """Keeps what a person should read, and epochs, for the process that people see."""

    def __init__(self) -> None:
        self.said: list[str | tuple[str, Epoch]] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def epoch(self, what: str, epoch: Epoch) -> None:
        self.said.append((what, epoch))


def _known(error: EvoNasError) -> EvoNasError:
    """An error in a class of ours: its own may be known in the worker only."""
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    known: EvoNasError = kind(str(error))
    return known
