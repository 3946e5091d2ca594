"""Forgetting candidates that failed, and what followed from that, in a run's SQLite file."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

# The key of the fact that holds the notes of an evaluation, for Python and for SQL.
NOTE = "note/%s/%s/%d/%d"
NOTE_KEY = f"printf('{NOTE}', stage, phase, generation, position)"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is removed: ``followed`` evaluations beside the failed.

    ``kept`` are the stages before the first failure and that stage itself, ``stages`` those after.
    """

    failed: int
    followed: int
    kept: tuple[str, ...]
    stages: tuple[str, ...]


def forget_failures(connection: sqlite3.Connection) -> Forgotten:
    """Delete the evaluations with their notes; the caller commits.

    From a failure in a search follow the later generations and the finalists of its stage, and
    from any failure the later stages.
    """
    stages: dict[str, int | None] = dict(  # with the first generation in which a search failed
        connection.execute(
            "SELECT stage, min(CASE WHEN failure IS NOT NULL AND phase = 'search'"
            " THEN generation END) FROM evaluations GROUP BY stage ORDER BY min(id)"
        ).fetchall()
    )
    failed = connection.execute(
        "SELECT stage FROM evaluations WHERE failure IS NOT NULL ORDER BY id LIMIT 1"
    ).fetchone()
    if failed is None:
        return Forgotten(0, 0, tuple(stages), ())
    names = list(stages)
    first = names.index(failed[0])
    kept, gone = tuple(names[: first + 1]), tuple(names[first + 1 :])

    def delete(where: str, *values: object) -> int:
        return connection.execute(f"DELETE FROM evaluations WHERE {where}", values).rowcount

    count = delete("failure IS NOT NULL")
    followed = sum(delete("stage = ?", name) for name in gone)
    if (generation := stages[failed[0]]) is not None:
        where = "stage = ? AND (phase <> 'search' OR generation > ?)"
        followed += delete(where, failed[0], generation)
    connection.execute(
        "DELETE FROM facts WHERE key LIKE 'note/%'"
        f" AND key NOT IN (SELECT {NOTE_KEY} FROM evaluations)"
    )
    return Forgotten(count, followed, kept, gone)
