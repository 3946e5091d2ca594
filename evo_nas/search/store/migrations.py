"""Migrations of a run's SQLite file: each spells out its own statements, and never changes.

What a file of an earlier version becomes must not follow from today's tables: a column that these
gain later is added by a migration of its own.

Why: docs/decisions/020-frozen-migrations.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from .checksums import seal

# From version 2 to 3: a score may be null, and there is a reason; rows have checksums.
_LET_CANDIDATES_FAIL = (
    "DROP VIEW named_choices",
    "ALTER TABLE evaluations RENAME TO earlier",
    """
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    stage TEXT NOT NULL,
    phase TEXT NOT NULL,
    generation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    genome TEXT NOT NULL,
    options TEXT NOT NULL,
    flops INTEGER NOT NULL,
    params INTEGER NOT NULL,
    score REAL,
    metrics TEXT NOT NULL,
    origin TEXT NOT NULL,
    parents TEXT NOT NULL,
    seconds REAL NOT NULL,
    trained INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    failure TEXT,
    checksum INTEGER,
    UNIQUE (stage, phase, generation, position)
)""",
    "INSERT INTO evaluations SELECT *, NULL, NULL FROM earlier ORDER BY id",
    "DROP TABLE earlier",
    """
CREATE VIEW named_choices AS
    SELECT e.id AS evaluation, c.name AS name, o.value AS value
    FROM evaluations e, json_each(e.options) o JOIN choices c ON c.position = o.key
    WHERE o.value IS NOT NULL""",
    "ALTER TABLE facts ADD COLUMN checksum INTEGER",
    "ALTER TABLE choices ADD COLUMN checksum INTEGER",
    "ALTER TABLE spent ADD COLUMN checksum INTEGER",
)


def _let_candidates_fail(connection: sqlite3.Connection) -> None:
    for statement in _LET_CANDIDATES_FAIL:
        connection.execute(statement)
    seal(connection, ("facts", "choices", "evaluations", "spent"))


# By the version that each starts from.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {2: _let_candidates_fail}


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the file's tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection, to: int) -> None:
    """Bring a file up to a version, step by step, each in one transaction with its number."""
    while version_of(connection) < to:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            version = version_of(connection)
            if version < to:  # nobody else was faster
                MIGRATIONS[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1}")
