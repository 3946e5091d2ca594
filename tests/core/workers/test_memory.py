"""Memory that processes share: one after the other in it, aligned, and gone in the end."""

from contextlib import closing

import pytest
import torch

from evo_nas.core.workers import memory
from evo_nas.core.workers.memory import SharedMemory, mapped, placed, room_for
from evo_nas.core.workers.pool import WorkerPool
from evo_nas.errors import RunError


def test_tensors_are_placed_one_after_the_other():
    like = [torch.zeros(3), torch.zeros(2, 2, dtype=torch.int64), torch.zeros(0), torch.ones(1)]
    with closing(SharedMemory(room_for(like))) as shared:
        first, second, empty, last = placed(like, shared.bytes)
        first.copy_(torch.tensor([1.0, 2.0, 3.0]))
        second.fill_(7)
        last.fill_(5)
        assert (first.shape, second.shape, empty.numel()) == ((3,), (2, 2), 0)
        assert all(tensor.data_ptr() % 64 == 0 for tensor in (first, second, last))
        again = placed(like, mapped(shared.path))
        assert [each.tolist() for each in again] == [[1, 2, 3], [[7, 7], [7, 7]], [], [5]]
        folder = shared.path.parent
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    assert second.tolist() == [[7, 7], [7, 7]]  # who has it open keeps it


def test_where_there_is_no_room_it_is_said(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory.os, "posix_fallocate", full)
    monkeypatch.setattr(memory, "_IN_MEMORY", tmp_path)
    with pytest.raises(RunError, match="the disk is full"):
        SharedMemory(1000)
    assert not any(tmp_path.iterdir())


def opened():
    return written


def written(path):
    mapped(path)[3] = 9


@pytest.mark.slow
def test_what_a_worker_writes_is_read_here():
    with closing(SharedMemory(8)) as shared, closing(WorkerPool([opened])) as pool:
        list(pool.run([shared.path]))
        assert shared.bytes.tolist() == [0, 0, 0, 9, 0, 0, 0, 0]
