"""Whether a SQLite file holds what was written.

SQLite notices damage to its own structure, not to what is in the cells. So each row has a checksum
of its other columns. Rows are looked at here and not by a function within SQL: what Python raises
in one, Ctrl-C included, SQLite would take for an error of the file.
"""

from __future__ import annotations

import json
import sqlite3
import zlib

_dump = json.JSONEncoder(default=repr).encode  # one encoder: json.dumps would make one each time


def checksum(*values: float | str | bytes | None) -> int:
    """The checksum of a row's other columns, as SQLite gives them back: 1 and 1.0 differ."""
    return zlib.crc32(_dump(values).encode())


def check_structure(connection: sqlite3.Connection) -> None:
    """Raise a sqlite3.DatabaseError if SQLite finds its own structure or its indexes damaged."""
    (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if state != "ok":
        raise sqlite3.DatabaseError(" ".join(state.split()))
