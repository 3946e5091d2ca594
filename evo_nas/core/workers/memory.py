"""Memory that this process and its workers write and read together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evo_nas.core.files import explained

from .shared import PrivateFolder

_IN_MEMORY = Path("/dev/shm")  # where Linux has it: nothing is written to a disk
_ALIGNMENT = 64  # bytes, as torch's own: what is computed may depend on it


class SharedMemory:
    """So many bytes, 0 at first; a worker opens them by ``path`` with :func:`mapped`.

    Raises:
        RunError: there is no room.
    """

    def __init__(self, size: int) -> None:
        # Half as much as there is room for: others may be about to take some, too.
        roomy = _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > 2 * size
        self._folder = PrivateFolder(_IN_MEMORY if roomy else None)
        self.path = self._folder.path / "memory"
        try:
            with explained(self.path, "written"), self.path.open("wb") as file:
                # Taken now: a process that writes where there is no room is killed.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                file.truncate(size)
            self.bytes = mapped(self.path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove it; processes that have it open keep it."""
        self._folder.close()


def mapped(path: Path) -> Tensor:
    """The bytes of a shared memory, uint8 (size,)."""
    return torch.from_numpy(np.memmap(path, dtype=np.uint8, mode="r+"))


def room_for(tensors: Iterable[Tensor]) -> int:
    """The bytes that tensors take one after the other."""
    return sum(_room(tensor) for tensor in tensors)


def placed(tensors: Iterable[Tensor], memory: Tensor) -> list[Tensor]:
    """Tensors of the same shapes and types whose numbers are in ``memory``, one after the other."""
    found, begin = [], 0
    for tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        found.append(memory[begin : begin + size].view(tensor.dtype).view(tensor.shape))
        begin += _room(tensor)
    return found


def _room(tensor: Tensor) -> int:
    size = tensor.numel() * tensor.element_size()
    return -(-size // _ALIGNMENT) * _ALIGNMENT
