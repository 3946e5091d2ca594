"""The tables of a run's SQLite file, and how files of earlier versions become ones of today.

``options`` holds the value of each choice in the order of the table ``choices``, null where the
choice is inactive; the view ``named_choices`` gives them by name. Each row has a checksum, see
:mod:`evo_nas.core.sqlite`.

Why: docs/decisions/020-frozen-migrations.md.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evo_nas.core.sqlite import check_structure, checksum, result_code
from evo_nas.errors import RunError
from evo_nas.space.space import Space

VERSION = 3

_EVALUATIONS = """
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    stage TEXT NOT NULL,
    phase TEXT NOT NULL,          -- 'search' or 'finalists'
    generation INTEGER NOT NULL,
    position INTEGER NOT NULL,    -- within the generation
    genome TEXT NOT NULL,         -- the full canonical genome, a JSON list of option indices
    options TEXT NOT NULL,
    flops INTEGER NOT NULL,       -- multiply-accumulates at the target geometry
    params INTEGER NOT NULL,
    score REAL,                   -- the first objective; null where the candidate failed
    metrics TEXT NOT NULL,        -- all metrics, a JSON object
    origin TEXT NOT NULL,
    parents TEXT NOT NULL,        -- full canonical genomes, a JSON list
    seconds REAL NOT NULL,
    trained INTEGER NOT NULL,     -- images seen forward and backward
    measured INTEGER NOT NULL,    -- images seen forward only
    failure TEXT,                 -- why the candidate has no score; null where it has one
    checksum INTEGER,
    UNIQUE (stage, phase, generation, position)
)"""
_NAMED_CHOICES = """
CREATE VIEW named_choices AS
    SELECT e.id AS evaluation, c.name AS name, o.value AS value
    FROM evaluations e, json_each(e.options) o JOIN choices c ON c.position = o.key
    WHERE o.value IS NOT NULL"""
_SCHEMA = (
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER)",
    "CREATE TABLE choices (position INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum INTEGER)",
    _EVALUATIONS,
    """
CREATE TABLE spent (             -- by phase; images only what no evaluation holds
    stage TEXT,
    phase TEXT,
    seconds REAL NOT NULL,
    trained INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    checksum INTEGER,
    PRIMARY KEY (stage, phase)
)""",
    _NAMED_CHOICES,
)
_TABLES = ("facts", "choices", "evaluations", "spent")


def create(path: Path, space: Space) -> None:
    """Make the file of a run that searches ``space``."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    with connection:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO choices VALUES (?, ?, NULL)",
            [(i, choice.name) for i, choice in enumerate(space.choices)],
        )
        seal(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.close()


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open an existing file; one of an earlier version is brought up to date.

    To be only read, that is done to a copy in memory.

    Raises:
        RunError: the file is of a version that this evo-nas cannot read.
        sqlite3.DatabaseError: it is damaged, or cannot be used.
    """
    connection = _open_to_read(path) if read_only else _open(path, "rw")
    check_structure(connection)
    if (version := _version(connection)) == VERSION:
        _check_rows(connection)
        return connection
    if version not in _MIGRATIONS:
        connection.close()
        raise RunError(
            f"{path} has schema version {version}, this evo-nas reads {min(_MIGRATIONS)} to "
            f"{VERSION}; use the version of evo-nas that config.toml names"
        )
    if read_only:
        connection = _in_memory(connection)
    _migrate(connection)
    return connection


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)


def _open_to_read(path: Path) -> sqlite3.Connection:
    connection = _open(path, "ro")
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        if result_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise  # what another program writes is not to be copied amid it
        # SQLite wants to write files of its own beside it, which read-only media do not allow.
        connection.close()
        with tempfile.TemporaryDirectory() as folder:
            for name in (path.name, f"{path.name}-wal"):
                if (file := path.with_name(name)).exists():
                    shutil.copyfile(file, Path(folder) / name)
            connection = _in_memory(_open(Path(folder) / path.name, "rw"))
    return connection


def seal(connection: sqlite3.Connection) -> None:
    """Write the checksums of all rows as they are; the caller commits."""
    for table in _TABLES:
        sums = [(checksum(*cells), rowid) for rowid, _, cells in _rows(connection, table)]
        connection.executemany(f"UPDATE {table} SET checksum = ? WHERE rowid = ?", sums)


def _check_rows(connection: sqlite3.Connection) -> None:
    for table in _TABLES:
        for rowid, written, cells in _rows(connection, table):
            if written != checksum(*cells):
                raise sqlite3.DatabaseError(f"row {rowid} of {table} is not what was written")


def _rows(
    connection: sqlite3.Connection, table: str
) -> Iterator[tuple[int, object, tuple[Any, ...]]]:
    """Rowid, checksum and what it covers of each row; ids follow from the order of insertion."""
    columns = (row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
    covered = ", ".join(name for name in columns if name not in ("id", "checksum"))
    for rowid, written, *cells in connection.execute(
        f"SELECT rowid, checksum, {covered} FROM {table}"
    ):
        yield rowid, written, tuple(cells)


def _in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy in memory; the original is closed."""
    copy = sqlite3.connect(":memory:")
    connection.backup(copy)
    connection.close()
    return copy


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring it up to date, version by version, each in one transaction with its number."""
    while _version(connection) < VERSION:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            version = _version(connection)
            if version < VERSION:  # nobody else was faster
                _MIGRATIONS[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1}")


def _let_candidates_fail(connection: sqlite3.Connection) -> None:
    """From version 2 to 3: the score may be null, and there is a reason; rows have checksums."""
    connection.execute("DROP VIEW named_choices")
    connection.execute("ALTER TABLE evaluations RENAME TO earlier")
    connection.execute(_EVALUATIONS)
    connection.execute("INSERT INTO evaluations SELECT *, NULL, NULL FROM earlier ORDER BY id")
    connection.execute("DROP TABLE earlier")
    connection.execute(_NAMED_CHOICES)
    for table in ("facts", "choices", "spent"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")
    seal(connection)


# By the version that each starts from.
_MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {2: _let_candidates_fail}
