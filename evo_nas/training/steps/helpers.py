"""Worker processes that propagate shards on copies of a network, beside the training's own.

All that lasts is in the training's process: a helper has weights and buffers from there before each
step, and leaves gradients and buffers after it. So one that dies is replaced, and one that is not
ready yet is not waited for: its shards are propagated by the training's process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch

from evo_nas.core.workers.memory import SharedMemory, mapped
from evo_nas.core.workers.pool import Lost, WorkerPool
from evo_nas.core.workers.shared import SharedFile, pack, read_shared, unpack
from evo_nas.errors import TrainingError
from evo_nas.training.recipe import Phase

from .exchange import Copies, place_size, places
from .gradients import Propagation, Shard, Share
from .ranks import RankHelpers, rank_count

# Shards with their numbers, and what is found of each: its loss, and which weights have gradients.
_Task: TypeAlias = list[tuple[int, Shard]]
_Found: TypeAlias = list[tuple[float, list[int]]]


def process_count(phase: Phase, device: str, processes: int) -> int:
    """How many of so many processes propagate the shards of a step; ranks in their place."""
    if (ranks := rank_count()) > 1:
        return min(phase.shards, ranks)
    return min(phase.shards, processes) if device == "cpu" else 1


def make_helpers(
    propagation: Propagation, phase: Phase, shards: int, count: int
) -> Helpers | RankHelpers:
    """Who propagates shards beside this process: so many others, or the other ranks."""
    if rank_count() > 1:
        return RankHelpers(propagation, phase, shards)
    return Helpers(propagation, phase, shards, count)


class Helpers:
    """So many processes beside this one, for steps of at most so many shards of a network.

    They have copies of it as it is now, but for weights and buffers, which they have of each step.

    Each computes with as many threads as this process. ``buffers`` are copies of the network's
    buffers after each shard.
    """

    def __init__(self, propagation: Propagation, phase: Phase, shards: int, count: int) -> None:
        self._network = propagation.network
        self._pool: WorkerPool[_Task, _Found] | None = None
        if not count:
            self.buffers = [Copies(list(self._network.buffers())) for _ in range(shards)]
            return
        packed, size = pack(self._network), place_size(self._network)
        self._memory = SharedMemory(size * (1 + shards))
        self._state, *self._places = places(self._network, self._memory.bytes)
        self.buffers = [place.buffers for place in self._places]
        self._file = SharedFile((packed, phase, self._memory.path, torch.get_num_threads()))
        self._pool = WorkerPool([partial(_open, self._file.path)] * count)

    def deal(self, shards: Sequence[Shard]) -> tuple[Sequence[int], Iterator[tuple[int, Share]]]:
        """Begin with some shards in helpers.

        Returns:
            The numbers of the others, and from helpers, as they come, numbers and shares; these
            hold until the next step.
        """
        ready = self.ready()
        if self._pool is None or not ready:
            return range(len(shards)), iter(())
        self._state.save()
        own, *dealt = (range(first, len(shards), ready + 1) for first in range(ready + 1))
        tasks = [[(number, shards[number]) for number in numbers] for numbers in dealt]
        return own, self._shares(tasks, self._pool.run(tasks))

    def ready(self) -> int:
        """How many helpers would begin at once; those that have not been started are."""
        return 0 if self._pool is None else self._pool.ready()

    def stop(self) -> None:
        """End the processes, whatever they are at; the next step starts others."""
        if self._pool is not None:
            self._pool.close()

    def close(self) -> None:
        """End the processes for good."""
        self.stop()
        if self._pool is not None:
            self._file.close()
            self._memory.close()

    def _shares(
        self, tasks: Sequence[_Task], results: Iterator[tuple[int, _Found | Lost]]
    ) -> Iterator[tuple[int, Share]]:
        for position, found in results:
            if isinstance(found, Lost):
                raise TrainingError(f"a shard of a step cannot be trained: {found.reason}")
            for (number, _), told in zip(tasks[position], found, strict=True):
                yield number, self._places[number].get(*told)


def _open(file: Path) -> Callable[[_Task], _Found]:
    """What propagates shards, in a helper."""
    packed, phase, memory, threads = read_shared(file)
    torch.set_num_threads(threads)
    network = unpack(packed)
    state, *rooms = places(network, mapped(memory))
    propagation = Propagation(network, phase)

    def propagate(task: _Task) -> _Found:
        found = []
        for number, shard in task:
            state.restore()
            found.append(rooms[number].put(propagation.share(shard)))
        return found

    return propagate
