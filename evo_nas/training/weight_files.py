"""Files of weights: safetensors with a digest of what is in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from evo_nas.core.files import write_atomically
from evo_nas.core.validation import check_regular, shown
from evo_nas.errors import CheckpointError

_DIGEST = "sha256"  # the key in the metadata of weights


def save_weights(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors by name as a safetensors file."""
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    told = dict(metadata or {})
    content = save(copies, told | {_DIGEST: _digest(copies, told)})
    write_atomically(path, _in_order(content))


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its header in order: equal weights are then equal files."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), separators=(",", ":"), sort_keys=True)
    padded = header.encode() + b" " * (-len(header.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + content[start:]


def load_weights(path: Path, expected: Mapping[str, str] | None = None) -> dict[str, Tensor] | None:
    """Tensors by name, on the CPU; None if there is no such file.

    Raises:
        CheckpointError: the file is damaged, or its metadata differ from what is ``expected``.
    """
    if not path.exists():
        return None
    metadata = read_metadata(path)
    with _explained(path):
        tensors = load_file(path)
    check_digest(path, tensors, metadata)
    for key, value in (expected or {}).items():
        if metadata.get(key) != value:
            raise CheckpointError(
                f"weights {path} belong to another training: {key} is {shown(metadata.get(key))} "
                f"there, {value!r} here; delete the file to train anew"
            )
    return tensors


def check_digest(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Check that these are the tensors that were written to ``path``, with its ``metadata``."""
    told = dict(read_metadata(path) if metadata is None else metadata)
    digest = told.pop(_DIGEST, None)
    if digest is not None and digest != _digest(tensors, told):
        raise _damaged(path, "their contents are not what was written")


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file of weights."""
    check_regular(path, CheckpointError, "weights")
    with _explained(path), safe_open(path, framework="pt") as file:
        return file.metadata() or {}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, RuntimeError, TypeError, ValueError, OSError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"weights {path} are damaged ({reason}); delete the file, and the run repeats that "
        "training from its start"
    )


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """The SHA-256 of tensors and their metadata, in the order of names."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
