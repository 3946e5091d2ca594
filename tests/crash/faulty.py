"""evo-nas with a fault.

The fault strikes when its place is reached for the NUMBERth time: the process kills itself, or the
disk is full from then on. Nothing in evo-nas knows of it: functions are replaced from outside.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evo_nas.cli import app as cli
from evo_nas.core import files
from evo_nas.search.store.store import Store

_reached = 0


def now(number: int) -> bool:
    """Whether this is the time to strike."""
    global _reached  # noqa: PLW0603
    _reached += 1
    return _reached >= number


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def half_written(number: int) -> None:
    """Half of a file has reached the disk, under its temporary name."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # and not its folder
        if is_file and now(number):
            path = os.readlink(f"/proc/self/fd/{descriptor}")  # it may be open to be read only
            os.truncate(path, os.fstat(descriptor).st_size // 2)
            die()
        sync(descriptor)

    files.os.fsync = fsync  # type: ignore[assignment]


def not_renamed(number: int) -> None:
    """A file is whole, and still has its temporary name."""
    replace = Path.replace

    def before(self: Path, target: Path) -> Path:
        if ".part." in self.name and now(number):
            die()
        return replace(self, target)

    Path.replace = before  # type: ignore[method-assign]


def set_aside(number: int) -> None:
    """The last checkpoint has been set aside, the next is not there."""
    replace = Path.replace

    def after(self: Path, target: Path) -> Path:
        moved = replace(self, target)
        if str(target).endswith(".previous") and now(number):
            die()
        return moved

    Path.replace = after  # type: ignore[method-assign]


def _around_commit(strike: Callable[[int], None], before: bool, number: int) -> None:
    commit = Store.commit

    def faulty(self: Store) -> None:
        if before:
            strike(number)
        commit(self)
        if not before:
            strike(number)

    Store.commit = faulty  # type: ignore[method-assign]


def _strike(number: int) -> None:
    if now(number):
        die()


def in_transaction(number: int) -> None:
    """An evaluation is inserted, its transaction is open."""
    _around_commit(_strike, True, number)


def after_commit(number: int) -> None:
    """An evaluation is committed, nobody has been told."""
    _around_commit(_strike, False, number)


def before_record(number: int) -> None:
    """Weights of a network are on the disk, its evaluation is not recorded."""
    add = Store.add

    def faulty(self: Store, *arguments: Any, **keywords: Any) -> None:
        _strike(number)
        add(self, *arguments, **keywords)

    Store.add = faulty  # type: ignore[method-assign]


def disk_full(number: int) -> None:
    """From now on no file can be written."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if now(number):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    files.os.fsync = fsync  # type: ignore[assignment]


def store_full(number: int) -> None:
    """The store may not grow any more."""
    add = Store.add

    def faulty(self: Store, *arguments: Any, **keywords: Any) -> None:
        if now(number):
            connection: sqlite3.Connection = self._connection
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
        add(self, *arguments, **keywords)

    Store.add = faulty  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[int], None]] = {
    each.__name__: each
    for each in (
        half_written, not_renamed, set_aside, in_transaction, after_commit, before_record,
        disk_full, store_full,
    )
}  # fmt: skip


def main(fault: Sequence[str]) -> None:
    """Run the command line with a fault, its name and number, or without."""
    if fault:
        name, number = fault
        FAULTS[name](int(number))
    cli.main()
