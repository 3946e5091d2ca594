"""Ranks of torchrun: the first runs the command, and all propagate the shards of its steps.

    torchrun --nproc-per-node 4 -m evo_nas run --recipe mine.toml

What lasts is in the first rank alone, as it is with helpers on one machine: the others have weights
and buffers from it before each step, and send gradients and buffers of their shards after it. So
the outcome is the same for any number of ranks, on the CPU to the last bit, and what was begun with
four goes on with one. A rank that dies ends all; torchrun starts them again if it is asked to.

Shards and what is said of them travel by gloo, numbers by NCCL between GPUs.

Why: docs/decisions/066-ranks.md.
"""

from __future__ import annotations

import atexit
import copy
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from evo_nas.core.plugins.blame import describe
from evo_nas.core.signals import undivided
from evo_nas.core.workers.shared import pack, unpack
from evo_nas.errors import TrainingError
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.recipe import Phase

from .exchange import place_size, places
from .gradients import Propagation, Shard, Share

_IDLE = timedelta(days=365)  # ranks wait while the first searches; one that dies is noticed at once
_STARTED = "TORCHELASTIC_RUN_ID"  # torchrun has started this process
_MEMORY = "memory"  # of a rank does not hold its shards

_Shards: TypeAlias = list[tuple[int, Shard]]
# Of each shard its loss, and which weights have gradients; or why there is none.
_Found: TypeAlias = list[tuple[float, list[int]]] | str


def among_ranks() -> bool:
    """Whether torchrun has started this process and others beside it."""
    return _STARTED in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def restarts() -> tuple[int, int]:
    """How often torchrun has started this process again as a rank had died, and may at most."""
    names = ("TORCHELASTIC_RESTART_COUNT", "TORCHELASTIC_MAX_RESTARTS")
    done, most = (int(os.environ.get(name, "0")) for name in names)
    return done, most


def rank_count() -> int:
    """How many ranks work together here; 1 where none have joined."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def join() -> None:
    """Join the other ranks. Returns in the first; the others work until that ends, and exit."""
    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, size = next(rendezvous("env://"))
    # torchrun may keep its store, with the addresses of processes that have died.
    again = dist.PrefixStore(f"evo-nas-{restarts()[0]}", store)  # type: ignore[attr-defined]
    how = "cpu:gloo,cuda:nccl" if on_gpus else "gloo"
    dist.init_process_group(how, store=again, rank=rank, world_size=size, timeout=_IDLE)
    del os.environ[_STARTED]  # programs that are started from here are no ranks
    if dist.get_rank() == 0:
        atexit.register(_leave)
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the first rank says when to end
    try:
        while (training := _receive()) is not None:
            _help(training)
    except RuntimeError:
        os._exit(1)  # the first rank has died; whatever else is open would wait for it
    dist.destroy_process_group()
    sys.exit(0)


def _leave() -> None:
    """Let the other ranks end."""
    try:
        _send([None] * dist.get_world_size())
        dist.destroy_process_group()
    except RuntimeError:
        pass  # one has died


@dataclass(frozen=True, slots=True)
class _Training:
    """What a rank is told of a training that begins."""

    network: bytes
    phase: Phase
    shards: int
    threads: int
    device: str


class RankHelpers:
    """The other ranks, for steps of at most so many shards of a network.

    ``buffers`` are copies of the network's buffers after each shard.
    """

    def __init__(self, propagation: Propagation, phase: Phase, shards: int) -> None:
        network = propagation.network
        self._device = next(network.parameters()).device
        room = torch.empty(
            place_size(network) * (1 + shards), dtype=torch.uint8, device=self._device
        )
        self._state, *self._places = places(network, room)
        self.buffers = [place.buffers for place in self._places]
        self._waiting = False  # for what ranks have been given
        packed = pack(copy.deepcopy(network).cpu())
        kind = self._device.type
        told = _Training(packed, phase, -(-shards // rank_count()), torch.get_num_threads(), kind)
        with _reaching():
            _send([told] * rank_count())
            self._open = True

    def deal(self, shards: Sequence[Shard]) -> tuple[Sequence[int], Iterator[tuple[int, Share]]]:
        """Begin with some shards in the other ranks.

        Returns:
            The numbers of the others, and from ranks numbers and shares, which hold until the next
            step.
        """
        self._state.save()
        count = rank_count()
        own, *dealt = (range(first, len(shards), count) for first in range(count))
        tasks = [[(number, _moved(shards[number], "cpu")) for number in each] for each in dealt]
        with _reaching():
            _send([[], *tasks])
            dist.broadcast(self._state.memory, 0)
            self._waiting = True
        return own, self._shares([[], *dealt])

    def ready(self) -> int:
        """How many ranks would begin at once."""
        return rank_count() - 1

    def stop(self) -> None:
        """Let the ranks drop what they have been given."""
        if self._waiting:
            self._waiting = False
            with _reaching():
                _exchange("dropped")

    def close(self) -> None:
        """Let the ranks wait for another training."""
        self.stop()
        if self._open:
            with _reaching():
                self._open = False
                _send([None] * rank_count())

    def _shares(self, dealt: Sequence[Sequence[int]]) -> Iterator[tuple[int, Share]]:
        with _reaching():
            found = _exchange([])
            self._waiting = False
            for rank, numbers in enumerate(dealt):
                for number in numbers if _all_have(found) else ():
                    dist.recv(self._places[number].memory, rank)
        for rank, told in enumerate(found):
            if told == _MEMORY:
                raise torch.OutOfMemoryError(f"of rank {rank}")
            if isinstance(told, str):
                raise TrainingError(f"a shard of a step cannot be trained by rank {rank}: {told}")
            for number, each in zip(dealt[rank], told, strict=True):
                yield number, self._places[number].get(*each)


@contextmanager
def _reaching() -> Iterator[None]:
    """Exchange something with the other ranks, which no signal may cut short: they wait for it."""
    try:
        with undivided():
            yield
    except RuntimeError as error:
        raise TrainingError(
            "another rank has died, or cannot be reached; start the command again: a run is "
            f"resumed, and a training goes on from its checkpoint ({' '.join(str(error).split())})"
        ) from error


def _help(training: _Training) -> None:
    """Propagate shards of a training, until it ends."""
    torch.set_num_threads(training.threads)
    device = torch.device(training.device)
    network: nn.Module = unpack(training.network).to(device)
    size = place_size(network) * (1 + training.shards)
    state, *rooms = places(network, torch.empty(size, dtype=torch.uint8, device=device))
    propagation = Propagation(network, training.phase)
    while (tasks := _receive()) is not None:
        dist.broadcast(state.memory, 0)
        mine: list[tuple[float, list[int]]] = []
        failure = ""
        try:
            for room, (_, shard) in zip(rooms, tasks, strict=False):
                state.restore()
                mine.append(room.put(propagation.share(_moved(shard, device))))
        except Exception as error:  # whatever a plug-in's network raises
            failure = _MEMORY if isinstance(error, torch.OutOfMemoryError) else describe(error)
            network.zero_grad(set_to_none=True)
        if _all_have(_exchange(failure or mine)):
            for room, _ in zip(rooms, tasks, strict=False):
                dist.send(room.memory, 0)


def _moved(shard: Shard, device: str | torch.device) -> Shard:
    """The shard with its tensors on another device."""
    there: dict[str, Any] = {each.name: getattr(shard.batch, each.name) for each in fields(Batch)}
    for name, value in there.items():
        if isinstance(value, Tensor):
            there[name] = value.to(device)
    return replace(shard, batch=Batch(**there))


def _all_have(found: Sequence[_Found]) -> bool:
    return not any(isinstance(each, str) for each in found)


def _exchange(mine: _Found) -> list[_Found]:
    """What each rank has found."""
    found: list[Any] = [None] * rank_count()
    dist.all_gather_object(found, mine)
    return found


def _send(told: Sequence[object]) -> None:
    """Tell each rank something of its own."""
    dist.scatter_object_list([None], list(told), 0)


def _receive() -> Any:
    """What the first rank tells this one."""
    told: list[Any] = [None]
    dist.scatter_object_list(told, None, 0)
    return told[0]
