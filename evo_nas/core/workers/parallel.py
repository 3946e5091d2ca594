"""Independent tasks in worker processes of one thread each.

One thread a process: results then depend neither on how many workers there are nor on how many
threads the machine has, and several threads of one process wait for each other where other work
runs beside them.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import cloudpickle
from joblib import Parallel, delayed, parallel_config
from torch import nn

from evo_nas.core.devices import torch_threads

from .lifeline import lifeline
from .start import begin_work, starting_workers

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_unordered(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[int, Result]]:
    """Positions in ``tasks`` with what ``function`` makes of them, as they are finished.

    ``function`` is importable by its module's name. Large numpy arrays in tasks are shared between
    workers. A single worker is this process.
    """
    if workers == 1:
        for position, task in enumerate(tasks):
            yield _in_one_thread(position, function, task)
        return
    # From its first moment on: a worker may be left alone before it is given a task.
    watched = {"initializer": begin_work, "initargs": (lifeline(),)}
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1, **watched):
        # Mapped copy-on-write: torch wants arrays that it could write to.
        pool = Parallel(return_as="generator_unordered", mmap_mode="c", pre_dispatch=workers)
    calls = (delayed(_in_one_thread)(i, function, task) for i, task in enumerate(tasks))
    found: Generator[tuple[int, Result], None, None] | None = None
    try:
        with starting_workers():
            found = pool(calls)  # starts them, and is back before there is a result
        for result in found:  # noqa: UP028 (it is to be closed below, and not by ``yield from``)
            yield result
    finally:
        if found is not None:
            with warnings.catch_warnings(action="ignore"):  # what was not done was not wanted
                found.close()


def _in_one_thread(
    position: int, function: Callable[[Task], Result], task: Task
) -> tuple[int, Result]:
    with torch_threads(1):
        return position, function(task)


def pack(network: nn.Module) -> bytes:
    """A pickle of a network for another process; ``pickle.loads`` reads it.

    Classes of modules that a fresh process could not import (plug-ins loaded from a file) travel
    inside the pickle.
    """
    names = {type(module).__module__ for module in network.modules()}
    local = [sys.modules[name] for name in sorted(names) if not _importable(name)]
    with _by_value(local):
        packed: bytes = cloudpickle.dumps(network)
    return packed


def _importable(name: str) -> bool:
    """Whether some finder knows the module's outermost package; being loaded is not enough."""
    outermost = name.partition(".")[0]
    if outermost in sys.builtin_module_names or outermost == "__main__":
        return True  # cloudpickle takes care of the latter
    return any(finder.find_spec(outermost, None) is not None for finder in sys.meta_path)


@contextmanager
def _by_value(modules: Sequence[Any]) -> Iterator[None]:
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
