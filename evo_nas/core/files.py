"""Files that are whole or absent: atomic writes, training checkpoints, weights.

A checkpoint is a pickle-free torch file behind a header: 8 bytes of magic and the SHA-256 of the
rest, so that a damaged or truncated file is noticed before anything is read from it. The one before
it is kept beside it. Weights are safetensors with the SHA-256 of their contents as metadata.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from evo_nas.errors import CheckpointError, RunError

from .signals import undivided
from .validation import check_regular, shown

MAGIC = b"evonas1\n"
HEADER_BYTES = len(MAGIC) + 32
TEMPORARY = ".*.part.*"  # names of files that are being written, as a pattern
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DIGEST = "sha256"  # the key in the metadata of weights


def write_atomically(path: Path, content: bytes, kept: Path | None = None) -> None:
    """Write a file that other processes, and a crash at any moment, see whole or not at all.

    What was there takes the name ``kept``, if one is given.

    Raises:
        RunError: it cannot be written.
    """
    with undivided(), written_aside(path, kept) as temporary, temporary.open("xb") as file:
        file.write(content)


@contextmanager
def written_aside(path: Path, kept: Path | None = None) -> Iterator[Path]:
    """A path beside ``path``, which the file there takes at the end; nothing is left of an error.

    The temporary name ends as ``path`` does: there are writers that look at the suffix. What was at
    ``path`` takes the name ``kept``, if one is given, once the new file is on the disk.

    Raises:
        RunError: it cannot be written.
    """
    _check_place(path)
    temporary = path.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part.{path.name}")
    try:
        with _told(path, "written"):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            if kept is not None and path.exists():
                path.replace(kept)
            temporary.replace(path)
            _sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):  # what went wrong before is what matters
            temporary.unlink(missing_ok=True)
        raise


def _check_place(path: Path) -> None:
    if path.is_dir():  # also where no name was given, which is the folder that one is in
        raise RunError(f"no file can be written to a folder: {path}; give it a name")
    if not path.parent.is_dir():
        raise RunError(f"{path} cannot be written, there is no such folder: {path.parent}")


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Name the file where the system refuses; it is not a candidate that has failed then.

    Raises:
        RunError: naming it, and why it cannot be ``what``.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(path) from error
        raise RunError(
            f"{path} cannot be {what} ({error.strerror or error}); see to its disk and its "
            "permissions, then go on"
        ) from error


def disk_full(path: Path) -> RunError:
    """What to raise where nothing more can be written."""
    return RunError(f"{path} cannot be written, the disk is full; free some space, then go on")


def remove_temporary(folder: Path) -> None:
    """Delete what processes that were killed while they wrote have left; nobody else may write."""
    for path in folder.rglob(TEMPORARY):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere folders cannot be opened, and the rename is durable enough
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state of tensors, numbers, strings and containers of them.

    The state that was there stays beside it, in case this one is damaged later.

    Raises:
        RunError: it cannot be written; the states that were there are still there.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    payload = buffer.getvalue()
    content = MAGIC + hashlib.sha256(payload).digest() + payload
    write_atomically(path, content, kept=_previous(path))


def load_checkpoint(path: Path, say: Callable[[str], None] | None = None) -> dict[str, Any] | None:
    """The state that was saved last, its tensors on the CPU; None if there is none.

    Where that file is damaged, or was never finished, it is the state before, and ``say`` is told;
    the damaged file is deleted, or the next one saved would put it in the place of the sound one.

    Raises:
        CheckpointError: the file is damaged, and there is no sound one before it.
        RunError: it cannot be read.
    """
    damaged: Path | None = None
    for each in (path, _previous(path)):
        if not each.exists():
            continue
        check_regular(each, CheckpointError, "checkpoint")
        with _told(each, "read"):
            content = each.read_bytes()
        payload = content[HEADER_BYTES:]
        if content[:HEADER_BYTES] != MAGIC + hashlib.sha256(payload).digest():
            damaged = damaged or each
            continue
        state = _unpacked(each, payload)
        if damaged is not None:
            if say is not None:
                say(f"checkpoint {damaged} is damaged; {each.name} before it is used instead")
            with _told(damaged, "deleted"):
                damaged.unlink()
        return state
    if damaged is not None:
        raise CheckpointError(
            f"checkpoint {damaged} is damaged; delete it, and the run repeats that training from "
            "its start"
        )
    return None


def _unpacked(path: Path, payload: bytes) -> dict[str, Any]:
    """The state, of which anybody may have made the file: it is no code that runs."""
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it meets, of many kinds
        raise CheckpointError(f"checkpoint {path} is none of evo-nas: {refusal(error)}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"checkpoint {path} holds no state; delete it")
    return state


def refusal(error: Exception) -> str:
    """Why torch loads a file not; it would advise to run what is in it."""
    if isinstance(error, pickle.UnpicklingError):
        return "it holds other things than tensors and plain values, or is damaged"
    return str(error).strip().partition("\n")[0] or type(error).__name__


def remove_checkpoint(path: Path) -> None:
    """Delete a checkpoint, and the one that was kept beside it.

    Raises:
        RunError: it cannot be deleted.
    """
    for each in (path, _previous(path)):
        with _told(each, "deleted"):
            each.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


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
    with _explained(path), safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
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
    """Check that these are the tensors that were written to ``path``, with its ``metadata``.

    Raises:
        CheckpointError: they are not. Files of other programs do not tell.
    """
    told = dict(read_metadata(path) if metadata is None else metadata)
    digest = told.pop(_DIGEST, None)
    if digest is not None and digest != _digest(tensors, told):
        raise _damaged(path, "their contents are not what was written")


def read_metadata(path: Path) -> dict[str, str]:
    """What a file of weights says about itself.

    Raises:
        CheckpointError: the file is damaged.
    """
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
    """The SHA-256 of tensors and what is said of them, in the order of names."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
