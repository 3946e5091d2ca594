"""Tasks in processes that hang and die: each costs its own result, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from evo_nas.core.workers.pool import Lost, WorkerPool
from evo_nas.errors import DataError, SettingsError
from tests.kit.processes import gone


@dataclass(frozen=True, slots=True)
class Worker:
    """Writes down its process when it opens, and then does as it is told."""

    folder: Path
    slow: float = 0

    def opened(self) -> Callable[[str], tuple[str, int, int]]:
        (self.folder / str(os.getpid())).touch()
        time.sleep(self.slow)
        return self.do

    def do(self, task: str) -> tuple[str, int, int]:
        word, _, marked = task.partition(" ")
        if word == "hang":
            time.sleep(60)
        elif word == "exit":
            os._exit(3)
        elif word == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif word == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif word == "once" and not (self.folder / marked).exists():
            (self.folder / marked).touch()
            os._exit(1)
        elif word == "raise":
            raise DataError("no such file")
        return word, os.getpid(), torch.get_num_threads()

    @property
    def processes(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Worker]:
    service = Worker(tmp_path)
    yield service
    assert all(gone(process) for process in service.processes)


@pytest.mark.slow
def test_each_task_loses_its_own_result_only(service: Worker) -> None:
    tasks = ["a", "exit", "hang", "once mark", "interrupt", "b", "segfault"]
    with closing(WorkerPool([service.opened, service.opened], limit=5)) as pool:
        found = dict(pool.run(tasks))
        assert found[1] == Lost("its worker process died (exit code 3), and so did a second one")
        assert found[6] == Lost("its worker process died (SIGSEGV), and so did a second one")
        assert found[2] == Lost("no result within 5 s")
        answers = {tasks[i]: answer for i, answer in found.items() if not isinstance(answer, Lost)}
        assert {task: answer[0] for task, answer in answers.items()} == {
            "a": "a", "once mark": "once", "interrupt": "interrupt", "b": "b"
        }  # fmt: skip
        assert {answer[2] for answer in answers.values()} == {1}
        assert dict(pool.run(["c"])).keys() == {0}, "the pool is good for more"


@pytest.mark.slow
def test_opening_does_not_count_towards_the_limit(service: Worker, tmp_path: Path) -> None:
    with closing(WorkerPool([Worker(tmp_path, slow=1.5).opened], limit=1)) as pool:
        ((position, answer),) = pool.run(["a"])
        assert (position, answer[0]) == (0, "a")  # type: ignore[index]


@pytest.mark.slow
def test_workers_are_made_as_they_are_needed_and_stay(service: Worker) -> None:
    with closing(WorkerPool([service.opened] * 4)) as pool:
        for _ in range(3):
            assert len(dict(pool.run(["a"]))) == 1
        assert len(service.processes) == 1


@pytest.mark.slow
def test_what_a_task_raises_ends_the_work_and_the_workers(service: Worker) -> None:
    pool = WorkerPool([service.opened, service.opened])
    with pytest.raises(DataError, match="no such file"):
        list(pool.run(["hang", "raise"]))
    assert all(gone(process) for process in service.processes)


@pytest.mark.slow
def test_whoever_stops_listening_ends_the_workers(service: Worker) -> None:
    results = WorkerPool([service.opened, service.opened]).run(["a", "hang"])
    next(results)
    began = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert all(gone(process) for process in service.processes)
    assert time.monotonic() - began < 10


def _refusal(_: int) -> str:
    try:
        WorkerPool([_opened])
    except SettingsError as error:
        return str(error)
    return "started"


def test_a_process_of_a_pool_of_others_is_told_that_it_may_start_none() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert "may start no workers: give jobs=1" in pool.map(_refusal, [0])[0]


def _opened() -> Callable[[str], str]:
    return str
