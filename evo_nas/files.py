"""Files that are whole or absent: atomic writes, training checkpoints, weights.

A checkpoint is a pickle-free torch file behind a header: 8 bytes of magic and the SHA-256 of the
rest, so that a damaged or truncated file is noticed before anything is read from it.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .errors import CheckpointError

MAGIC = b"evonas1\n"
HEADER_BYTES = len(MAGIC) + 32


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that other processes, and a crash at any moment, see whole or not at all."""
    with written_aside(path) as temporary, temporary.open("xb") as file:
        file.write(content)


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A path beside ``path``, which the file there takes at the end; nothing is left of an error.

    The temporary name ends as ``path`` does: there are writers that look at the suffix.
    """
    temporary = path.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part.{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere folders cannot be opened, and the rename is durable enough
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state of tensors, numbers, strings and containers of them."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    payload = buffer.getvalue()
    write_atomically(path, MAGIC + hashlib.sha256(payload).digest() + payload)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state that was saved, its tensors on the CPU; None if there is no such file.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    payload = content[HEADER_BYTES:]
    if content[:HEADER_BYTES] != MAGIC + hashlib.sha256(payload).digest():
        raise CheckpointError(
            f"checkpoint {path} is damaged; delete it, and the run repeats that training from its "
            "start"
        )
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state


def save_weights(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors by name as a safetensors file."""
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    write_atomically(path, save(copies, dict(metadata or {})))


def load_weights(path: Path, expected: Mapping[str, str] | None = None) -> dict[str, Tensor] | None:
    """Tensors by name, on the CPU; None if there is no such file.

    Raises:
        CheckpointError: the file is damaged, or its metadata differ from what is ``expected``.
    """
    if not path.exists():
        return None
    metadata = read_metadata(path)
    with _explained(path), safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for key, value in (expected or {}).items():
        if metadata.get(key) != value:
            raise CheckpointError(
                f"weights {path} belong to another training: {key} is {metadata.get(key)!r} there, "
                f"{value!r} here; delete the file to train anew"
            )
    return tensors


def read_metadata(path: Path) -> dict[str, str]:
    """What a file of weights says about itself.

    Raises:
        CheckpointError: the file is damaged.
    """
    with _explained(path), safe_open(path, framework="pt") as file:
        return file.metadata() or {}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except SafetensorError as error:
        raise CheckpointError(
            f"weights {path} are damaged ({error}); delete the file, and the run repeats that "
            "training from its start"
        ) from error
