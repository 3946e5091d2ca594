"""Run folders: made whole or not at all, used by one process at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import json
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from evo_nas.core.files import remove_temporary, write_atomically
from evo_nas.core.plugins import registry
from evo_nas.core.validation import shown
from evo_nas.errors import RunError, shell_word
from evo_nas.search.store.file_system import file_system_of
from evo_nas.search.store.store import Store
from evo_nas.space.space import Space

from .config import Config
from .options import RUNS

CONFIG, STORE, LOCK, BEST, WEIGHTS, FINALISTS, CHECKPOINTS, PAGE, TRUST = (
    "config.toml", "run.sqlite", "run.lock", "best.json", "best.safetensors", "finalists",
    "checkpoints", "report.html", "trust.sqlite",
)  # fmt: skip
COMPARISON, POOL, JUDGEMENT = "comparison.toml", "pool.toml", "pool.json"  # of other folders

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)  # what flock says of a lock of others


def check_links(folder: Path) -> None:
    """Raise a RunError if a symbolic link in the folder leads out of it.

    A run folder may come from anybody, and what is written through such a link would be written
    elsewhere. The folder itself may be a link.
    """
    root = os.path.realpath(folder)
    for place, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if not os.path.islink(path):
                continue
            target = os.path.realpath(path)
            if os.path.commonpath([root, target]) != root:
                raise RunError(
                    f"{path} is a link that leads out of the run folder, to {target}; put there "
                    "what it leads to, or remove it"
                )


def unfinished(folder: Path) -> str:
    """What is said of a run that is not over, and how it is gone on with."""
    return f"{folder} is not finished; evo-nas resume {shell_word(folder)}"


def new_folder(prefix: str, space: str, limits: str) -> Path:
    """The first free folder among the runs that is called after a space and its limits."""
    short = registry.short(space).replace("?file=", "-")
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{prefix}{short}-{limits}")
    return free_folder(RUNS, name[:80])


def free_folder(parent: Path, name: str) -> Path:
    """The first of ``name-1``, ``name-2``, ... in ``parent`` that does not exist."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


def check_free(folder: Path) -> None:
    """Raise a RunError if the folder exists."""
    if folder.exists():
        raise RunError(f"{folder} exists; resume it, or choose another --run-dir")


def create(
    folder: Path,
    config: Config,
    space: Space,
    facts: Mapping[str, object],
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Make a run folder with its configuration, empty store and further ``files``.

    Nothing half-made is left, see :func:`made_aside`.
    """
    with made_aside(folder) as temporary:
        for name, content in (files or {}).items():
            write_atomically(temporary / name, content)
        write_atomically(temporary / CONFIG, config.to_toml().encode())
        store = Store.create(temporary / STORE, space)
        for key, value in facts.items():
            store.set_fact(key, value)
        store.close()


@contextmanager
def made_aside(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its name at the end; nothing is left of an error.

    What processes that were killed amid this have left is removed: they hold no lock any more.
    """
    check_free(folder)
    _remove_unfinished(folder)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        with _locked_folder(temporary):
            yield temporary
            temporary.rename(folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unfinished(folder: Path) -> None:
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.*.part"):
        if not path.suffixes[-2].removeprefix(".").isdecimal():
            continue  # somebody else has named it so
        with contextlib.suppress(OSError), _locked_folder(path) as alone:
            if alone:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked_folder(folder: Path) -> Iterator[bool]:
    """Lock a folder without a file in it, and say whether that was possible.

    Some file systems lock no folders: there, nothing is found to be left.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except OSError:
            alone = False
        yield alone
    finally:
        os.close(opened)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process, see :func:`held`."""
    check(folder)
    with held(folder):
        remove_temporary(folder)
        yield


_locks: set[IO[str]] = set()


def _let_go() -> None:
    """In a process forked off this one: the lock must not outlive us in it."""
    for file in _locks:
        file.close()
    _locks.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out; the lock ends with the process, however it ends.

    Where locks are of one machine only, a folder that another machine did not leave in peace is
    refused: it may be at work.
    """
    _remove_unfinished(folder)
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
        check_links(folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise RunError(
                    f"{folder / LOCK} cannot be locked ({error.strerror}): its file system has no "
                    "locks that keep two processes apart; use a folder on another one, such as a "
                    "local disk"
                ) from error
            file.seek(0)
            raise RunError(f"{folder} is in use by {_holder(file.read())}") from error
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


def check(folder: Path) -> None:
    """Raise a RunError unless there is a run in the folder, and no link out of it."""
    if not os.path.isdir(folder):
        raise RunError(f"there is no run folder {folder}")
    if (folder / POOL).is_file():
        raise RunError(f"{folder} is a pool, no run: evo-nas trust --pool {shell_word(folder)}")
    for name in (CONFIG, STORE):
        if not (folder / name).is_file():
            raise RunError(f"{folder} is no run folder: {name} is missing")
    check_links(folder)


def enclosing(path: Path) -> Path | None:
    """The folder of the run that a file lies in, if it does."""
    for folder in path.resolve().parents:
        if (folder / CONFIG).is_file() and (folder / STORE).is_file():
            return folder
    return None


def _check_machine(folder: Path, file: IO[str]) -> None:
    file.seek(0)
    place, last = file_system_of(folder), file.read()
    here = f'"host": {json.dumps(socket.gethostname())},'
    if last and here not in last and place.locks_on_one_machine:
        raise RunError(
            f"{folder} was left by {_holder(last)}, which may be at work: locks on {place.kind}, "
            "as it is mounted here, are of one machine; where nothing works on it any more, delete "
            f"{shell_word(folder / LOCK)} and repeat"
        )


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {int(holder['pid'])} on {shown(holder['host'])[1:-1]}"
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return "another process"
