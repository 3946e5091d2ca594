"""Checksums of the rows of a run's SQLite file, see :mod:`evo_nas.core.sqlite`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from evo_nas.core.sqlite import checksum


def seal(connection: sqlite3.Connection, tables: Iterable[str]) -> None:
    """Write the checksums of all rows as they are; the caller commits."""
    for table in tables:
        sums = [(checksum(*cells), rowid) for rowid, _, cells in _rows(connection, table)]
        connection.executemany(f"UPDATE {table} SET checksum = ? WHERE rowid = ?", sums)


def check_rows(connection: sqlite3.Connection, tables: Iterable[str]) -> None:
    """Raise a sqlite3.DatabaseError that names the first row that is not what was written."""
    for table in tables:
        for rowid, written, cells in _rows(connection, table):
            if written != checksum(*cells):
                raise sqlite3.DatabaseError(f"row {rowid} of {table} is not what was written")


def covered(connection: sqlite3.Connection, table: str) -> list[str]:
    """The columns that a row's checksum covers; ids follow from the order of insertion."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return [name for name in columns if name not in ("id", "checksum")]


def _rows(
    connection: sqlite3.Connection, table: str
) -> Iterator[tuple[int, object, tuple[Any, ...]]]:
    """Rowid, checksum and what it covers of each row."""
    for rowid, written, *cells in connection.execute(
        f"SELECT rowid, checksum, {', '.join(covered(connection, table))} FROM {table}"
    ):
        yield rowid, written, tuple(cells)
