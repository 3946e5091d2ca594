"""SQLite files: errors told as what they are, and rows that are compared with their checksums.

SQLite notices damage to its own structure, not to what is in the cells. So each row has a checksum
of its other columns. Rows are looked at here and not by a function within SQL: what Python raises
in one, Ctrl-C included, SQLite would take for an error of the file.

Why: docs/decisions/019-checksums-in-python.md.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evo_nas.errors import EvoNasError, RunError, in_short

from .files import disk_full

_IN_USE = "is in use by another program; close what reads or writes it, then repeat"
_OTHERS = {  # by SQLite's primary result code; the sound file is as it was
    sqlite3.SQLITE_BUSY: _IN_USE,
    sqlite3.SQLITE_LOCKED: _IN_USE,
    sqlite3.SQLITE_READONLY: "is read-only ({reason}); make it and its folder writable, then "
    "repeat",
    sqlite3.SQLITE_PERM: "may not be used ({reason}); see to its permissions, then repeat",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened ({reason}); see to its permissions, and whether "
    "files can be made in its folder",
    sqlite3.SQLITE_IOERR: "cannot be read or written ({reason}); see to its disk, then repeat",
}


@contextmanager
def explained(path: Path, advice: str, damaged: type[RunError] = RunError) -> Iterator[None]:
    """Tell what goes wrong with the SQLite file ``path`` in the body.

    Raises:
        RunError: the disk is full, another program uses the file, or the system refuses it.
        damaged: it is damaged, or holds what it cannot hold; ``advice`` is what to do then.
    """
    try:
        yield
    except EvoNasError:
        raise
    # Those that are not SQLite's are raised by a cell that no column of ours holds.
    except (sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        code, reason = result_code(error), in_short(str(error))
        if code == sqlite3.SQLITE_FULL:
            raise disk_full(path) from error
        if code in _OTHERS:
            raise RunError(f"{path} {_OTHERS[code].format(reason=reason)}") from error
        raise damaged(f"{path} is damaged ({reason}); {advice}") from error


def result_code(error: Exception) -> int | None:
    """SQLite's primary result code; None for what is no error of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


_dump = json.JSONEncoder(default=repr).encode  # one encoder: json.dumps would make one each time


def checksum(*values: float | str | bytes | None) -> int:
    """The checksum of a row's other columns, as SQLite gives them back: 1 and 1.0 differ."""
    return zlib.crc32(_dump(values).encode())


def check_structure(connection: sqlite3.Connection) -> None:
    """Raise a sqlite3.DatabaseError if SQLite finds its own structure or its indexes damaged."""
    (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if state != "ok":
        raise sqlite3.DatabaseError(" ".join(state.split()))
