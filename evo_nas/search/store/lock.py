"""The lock of a folder: one process at a time works in it, and others can tell which.

Why: docs/decisions/063-who-is-at-work.md.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from evo_nas.core.validation import shown
from evo_nas.errors import RunError, shell_word

from .file_system import file_system_of

LOCK = "run.lock"
PROGRESS = "progress.json"  # what the process says meanwhile

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)  # what flock says of a lock of others


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that is at work in a folder, and since when, in seconds since 1970.

    Who does not say who it is has the ``pid`` 0.
    """

    host: str = ""
    pid: int = 0
    since: float = 0.0

    def __str__(self) -> str:
        named = f"process {self.pid} on {shown(self.host)[1:-1]}"
        return named if self.pid else "another process"


_MOST = 4096  # characters of a lock file that are looked at
_FRESH = 60.0  # seconds that a process on another machine may be silent


def holder(folder: Path) -> Holder | None:
    """The process that holds a folder; None where none does, whatever a killed one has left.

    Where locks are of one machine only, one on another counts while it says that it is there.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        opened = os.open(folder / LOCK, flags)
    except OSError:
        return None
    with os.fdopen(opened, encoding="utf-8", errors="replace") as file:
        about = os.fstat(opened)
        text = file.read(_MOST) if stat.S_ISREG(about.st_mode) else ""
        if not text:
            return None
        found = replace(_told(text), since=about.st_mtime)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return found if error.errno in _TAKEN else None
    elsewhere = found.host != socket.gethostname() and file_system_of(folder).locks_on_one_machine
    return found if elsewhere and _is_fresh(folder / PROGRESS) else None


def _is_fresh(path: Path) -> bool:
    try:
        return abs(time.time() - path.lstat().st_mtime) < _FRESH
    except OSError:
        return False


def _told(text: str) -> Holder:
    """What a lock file says."""
    try:
        told = json.loads(text)
        return Holder(str(told["host"]), int(told["pid"]))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return Holder()


def _lock(file: IO[str]) -> None:
    """Take the lock at once. Whoever looks (:func:`holder`) has it for a moment: that is waited."""
    exclusive = fcntl.LOCK_EX | fcntl.LOCK_NB
    try:
        fcntl.flock(file, exclusive)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        time.sleep(0.05)
        fcntl.flock(file, exclusive)


_locks: set[IO[str]] = set()


def _let_go() -> None:
    """In a process forked off this one: the lock must not outlive us in it."""
    for file in _locks:
        file.close()
    _locks.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Keep other processes out; the lock ends with the process, however it ends.

    Where locks are of one machine only, a folder that another machine did not leave in peace is
    refused: it may be at work.
    """
    try:
        # Neither through a link, which may lead anywhere, nor waiting for whoever reads a FIFO.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        opened = os.open(folder / LOCK, flags, 0o666)
        file = os.fdopen(opened, "a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise RunError(f"{folder} cannot be written to: {error.strerror}") from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RunError(f"{folder / LOCK} is no file; remove it")
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise RunError(
                    f"{folder / LOCK} cannot be locked ({error.strerror}): its file system has no "
                    "locks that keep two processes apart; use a folder on another one, such as a "
                    "local disk"
                ) from error
            file.seek(0)
            raise RunError(f"{folder} is in use by {_told(file.read())}") from error
        _check_machine(folder, file)
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
        file.flush()
        _locks.add(file)
        try:
            yield
        finally:
            _locks.discard(file)
            with contextlib.suppress(OSError, ValueError):  # which in a fork is closed
                file.truncate(0)


def _check_machine(folder: Path, file: IO[str]) -> None:
    file.seek(0)
    place, last = file_system_of(folder), file.read()
    here = f'"host": {json.dumps(socket.gethostname())},'
    if last and here not in last and place.locks_on_one_machine:
        raise RunError(
            f"{folder} was left by {_told(last)}, which may be at work: locks on {place.kind}, "
            "as it is mounted here, are of one machine; where nothing works on it any more, delete "
            f"{shell_word(folder / LOCK)} and repeat"
        )
