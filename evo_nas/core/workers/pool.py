"""Worker processes of one thread in which a task may hang or die: it costs its own result alone.

One thread a process: results then depend neither on how many workers there are nor on how many
threads the machine has, and several threads of one process wait for each other where other work
runs beside them.

Each worker is an executor of one process, so that nobody else notices when that process is killed.

Why: docs/decisions/013-one-process-a-worker.md.
"""

from __future__ import annotations

import gc
import math
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from evo_nas.core.devices import torch_threads
from evo_nas.errors import EvoNasError

from .start import begin_work, check_may_start, lifeline, starting_workers

Task = TypeVar("Task")
Result = TypeVar("Result")

_DEATHS = 2  # of workers at one task, until it is given up
_LIBRARIES = ("OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "BLIS_NUM", "VECLIB_MAXIMUM", "NUMEXPR_NUM")
_ENVIRONMENT = {
    **{f"{library}_THREADS": "1" for library in _LIBRARIES},
    # joblib would have each death write a traceback among what people read. Python's own variable,
    # set to 1, brings it back.
    "PYTHONFAULTHANDLER": os.environ.get("PYTHONFAULTHANDLER", ""),
}


@dataclass(frozen=True, slots=True)
class Lost:
    """A task has no result, and why."""

    reason: str


# Prepares a worker, in its process and without a time limit; gives what makes results of tasks.
# It travels to each new process: importable, and of plain values.
Opening: TypeAlias = Callable[[], Callable[[Task], Result]]


class WorkerPool(Generic[Task, Result]):
    """One worker for each opening, started when there is work for it.

    A task that takes longer than ``limit`` seconds (0: any time) is lost. One during which the
    process dies is tried once more in a fresh one: what killed it may have been about memory that
    others used. Processes are of one thread, leave Ctrl-C to this one, and end when it does.
    """

    def __init__(self, openings: Sequence[Opening[Task, Result]], limit: float = 0) -> None:
        check_may_start()
        self._workers = [_Worker(opening, limit or math.inf) for opening in openings]

    def ready(self) -> int:
        """How many workers would begin a task at once; those that have not been started are."""
        return sum(worker.is_ready() for worker in self._workers)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Result | Lost]]:
        """Positions in ``tasks`` with their results, as they arrive.

        The first tasks are begun by this call, further ones as results are asked for. Whatever
        stops that early ends the workers at once.
        """
        waiting = deque(enumerate(tasks))
        try:
            return self._results(waiting, self._hand_out(waiting, []))
        except BaseException:
            self.close()
            raise

    def _results(
        self, waiting: deque[tuple[int, Task]], busy: list[_Worker[Task, Result]]
    ) -> Iterator[tuple[int, Result | Lost]]:
        try:
            while busy:
                nearest = min(worker.deadline for worker in busy) - time.monotonic()
                wait(
                    [worker.future for worker in busy],
                    None if nearest == math.inf else max(nearest, 0),
                    FIRST_COMPLETED,
                )
                found = [(worker, worker.look()) for worker in busy]
                busy = [worker for worker, result in found if result is None]
                for worker, result in found:
                    if result is not None:
                        yield worker.position, result if isinstance(result, Lost) else result[0]
                busy = self._hand_out(waiting, busy)
        except BaseException:
            self.close()
            raise

    def _hand_out(
        self, waiting: deque[tuple[int, Task]], busy: list[_Worker[Task, Result]]
    ) -> list[_Worker[Task, Result]]:
        """Begin what idle workers can, first those that are ready; all that are busy then."""
        idle = [worker for worker in self._workers if worker not in busy]
        idle.sort(key=lambda worker: not worker.is_open)
        begun = idle[: len(waiting)]
        for worker in begun:
            worker.begin(*waiting.popleft())
        return busy + begun

    def close(self) -> None:
        """End all processes at once, and what they have started."""
        for worker in self._workers:
            worker.end()


def run_unordered(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[int, Result]]:
    """Positions in ``tasks`` with what ``function`` makes of them, as they are finished.

    ``function`` is importable by its module's name. A single worker is this process.

    Raises:
        EvoNasError: two workers died over a task.
    """
    if workers == 1:
        for position, task in enumerate(tasks):
            with torch_threads(1):
                result = function(task)
            yield position, result
        return
    pool: WorkerPool[Task, Result] = WorkerPool([partial(_itself, function)] * workers)
    try:
        for position, found in pool.run(tasks):
            if isinstance(found, Lost):
                raise EvoNasError(found.reason)
            yield position, found
    finally:
        pool.close()


def _itself(function: Callable[[Task], Result]) -> Callable[[Task], Result]:
    return function


class _Worker(Generic[Task, Result]):
    """One process, made anew after it was ended, and what it is at."""

    future: Future[Any]
    position: int
    deadline: float

    def __init__(self, opening: Opening[Task, Result], limit: float) -> None:
        self._opening, self._limit = opening, limit
        self._executor: ProcessPoolExecutor | None = None
        self.is_open, self._deaths = False, 0

    def is_ready(self) -> bool:
        """Whether it would begin a task at once; if it has no process, that is started now.

        Not once more, if two died before they were ready.
        """
        if self._executor is None:
            if self._deaths < _DEATHS:
                self._start()
        elif not self.is_open and self.future.done():
            try:
                self.future.result()
                self.is_open = True
            except TerminatedWorkerError:
                self._deaths += 1
                self.end()
        return self.is_open

    def begin(self, position: int, task: Task) -> None:
        """Work at a task, first of all at being able to."""
        self.position, self._task, self._deaths = position, task, 0
        self._go_on()

    def look(self) -> tuple[Result] | Lost | None:
        """What came of the task; None while nothing has."""
        if not self.future.done():
            if time.monotonic() < self.deadline:
                return None
            self.end()
            return Lost(f"no result within {self._limit:g} s")
        try:
            result: tuple[Result] = self.future.result()
        except TerminatedWorkerError:
            self.end()
            self._deaths += 1
            if self._deaths == _DEATHS:
                code = self._process.exitcode  # a signal's is its number below 0
                how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                return Lost(f"its worker process died ({how}), and so did a second one")
            self._go_on()
            return None
        if not self.is_open:
            self.is_open = True
            self._go_on()
            return None
        return result

    def end(self) -> None:
        """End the process, whatever it is at."""
        self.is_open = False
        if self._executor is not None:
            executor, self._executor = self._executor, None
            executor.shutdown(wait=True, kill_workers=True)

    def _go_on(self) -> None:
        """Work at the task, once there is a process that is open."""
        if self._executor is None:
            self._start()
        elif self.is_open:
            try:
                self.future = self._executor.submit(_do, self._task)
            except TerminatedWorkerError:  # while it was idle
                self.end()
                self._start()
            else:
                self.deadline = time.monotonic() + self._limit

    def _start(self) -> None:
        with starting_workers():
            self._executor = ProcessPoolExecutor(
                max_workers=1, initializer=begin_work, initargs=(lifeline(),), env=_ENVIRONMENT
            )
            self.future, self.deadline = self._executor.submit(_open, self._opening), math.inf
            (self._process,) = self._executor._processes.values()


_at_work: list[Callable[[Any], Any]] = []  # in a worker process, what it does


def _open(opening: Opening[Any, Any]) -> None:
    _at_work.append(opening())
    gc.freeze()  # joblib collects garbage between tasks: a tenth of a second, for all of torch


def _do(task: Any) -> tuple[Any]:
    return (_at_work[0](task),)
