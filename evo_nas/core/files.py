"""Files that are whole or absent: atomic writes, training checkpoints, weights.

A checkpoint is a pickle-free torch file behind a header: 8 bytes of magic and the SHA-256 of the
rest, so that a damaged or truncated file is noticed before anything is read from it. The one before
it is kept beside it. Weights are safetensors with the SHA-256 of their contents as metadata.
"""

from __future__ import annotations

import errno
import os
import pickle
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evo_nas.errors import RunError

from .signals import undivided

TEMPORARY = ".*.part.*"  # names of files that are being written, as a pattern
_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, content: bytes, kept: Path | None = None) -> None:
    """Write a file that other processes, and a crash at any moment, see whole or not at all.

    What was there takes the name ``kept``, if one is given.

    Raises:
        RunError: it cannot be written.
    """
    with undivided(), written_aside(path, kept) as temporary, temporary.open("xb") as file:
        file.write(content)


@contextmanager
def written_aside(path: Path, kept: Path | None = None, *, durable: bool = True) -> Iterator[Path]:
    """A path beside ``path``, which the file there takes at the end; nothing is left of an error.

    The temporary name ends as ``path`` does: there are writers that look at the suffix. What was at
    ``path`` takes the name ``kept``, if one is given, once the new file is on the disk. For what
    need not be ``durable``, nobody waits for the disk: a loss of power may undo it.

    Raises:
        RunError: it cannot be written.
    """
    if path.is_dir():  # also where no name was given, which is the folder that one is in
        raise RunError(f"no file can be written to a folder: {path}; give it a name")
    if not path.parent.is_dir():
        raise RunError(f"{path} cannot be written, there is no such folder: {path.parent}")
    temporary = path.with_name(f".{os.getpid()}.{secrets.token_hex(4)}.part.{path.name}")
    try:
        with explained(path, "written"):
            yield temporary
            if durable:
                _sync(temporary)
            if kept is not None and path.exists():
                path.replace(kept)
            temporary.replace(path)
            if durable:
                _sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):  # what went wrong before is what matters
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def explained(path: Path, what: str) -> Iterator[None]:
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


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere folders cannot be opened, and the rename is durable enough
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refusal(error: Exception) -> str:
    """Why torch loads a file not; it would advise to run what is in it."""
    if isinstance(error, pickle.UnpicklingError):
        return "it holds other things than tensors and plain values, or is damaged"
    return str(error).strip().partition("\n")[0] or type(error).__name__
