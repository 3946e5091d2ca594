"""The tables of a run's SQLite file, which is made or opened here.

``options`` holds the value of each choice in the order of the table ``choices``, null where the
choice is inactive; the view ``named_choices`` gives them by name. Each row has a checksum, see
:mod:`evo_nas.core.sqlite`.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

from evo_nas.core.sqlite import check_structure, result_code
from evo_nas.errors import RunError
from evo_nas.space.space import Space

from .checksums import check_rows, seal
from .file_system import file_system_of
from .migrations import MIGRATIONS, migrate, version_of

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
TABLES = ("facts", "choices", "evaluations", "spent")


def create(path: Path, space: Space) -> None:
    """Make the file of a run that searches ``space``."""
    connection = sqlite3.connect(path)
    _set_journal(connection, path)
    with connection:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO choices VALUES (?, ?, NULL)",
            [(i, choice.name) for i, choice in enumerate(space.choices)],
        )
        seal(connection, TABLES)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.close()


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open an existing file; one of an earlier version is brought up to date.

    To be only read, that is done to a copy in memory.
    """
    connection = _open_to_read(path) if read_only else _open(path, "rw")
    if not read_only:
        _set_journal(connection, path)
    check_structure(connection)
    if (version := version_of(connection)) == VERSION:
        check_rows(connection, TABLES)
        return connection
    if version not in MIGRATIONS:
        connection.close()
        raise RunError(
            f"{path} has schema version {version}, this evo-nas reads {min(MIGRATIONS)} to "
            f"{VERSION}; use the version of evo-nas that config.toml names"
        )
    if read_only:
        connection = _in_memory(connection)
    migrate(connection, VERSION)
    return connection


def _set_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Choose the journal by what the file lies on; before anything else is asked of it.

    A write-ahead log is shared in memory, which machines do not share: where there may be several,
    the journal is a file that goes with the locks. To leave a log needs none of that memory while
    all is locked.
    """
    if not file_system_of(path).shared:
        connection.execute("PRAGMA journal_mode = WAL")
        return
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA locking_mode = NORMAL")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # lets go of the lock


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


def _in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy in memory; the original is closed."""
    copy = sqlite3.connect(":memory:")
    connection.backup(copy)
    connection.close()
    return copy
