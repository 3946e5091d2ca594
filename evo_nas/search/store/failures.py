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

    From a failure follow the later generations of its phase (of finalists, rungs), from one in a
    search the finalists of its stage, and from any the later stages.
    """
    by_stage = "SELECT stage FROM evaluations GROUP BY stage ORDER BY min(id)"
    names = [name for (name,) in connection.execute(by_stage)]
    failed = connection.execute(
        "SELECT stage FROM evaluations WHERE failure IS NOT NULL"
        " AND phase NOT LIKE 'earlier %' ORDER BY id LIMIT 1"  # nothing follows from those
    ).fetchone()
    if failed is None:
        return Forgotten(0, 0, tuple(names), ())
    (stage,) = failed
    first = names.index(stage)
    kept, gone = tuple(names[: first + 1]), tuple(names[first + 1 :])
    generations: dict[str, int] = dict(
        connection.execute(
            "SELECT phase, min(generation) FROM evaluations"
            " WHERE failure IS NOT NULL AND stage = ? GROUP BY phase",
            failed,
        )
    )

    def delete(where: str, *values: object) -> int:
        return connection.execute(f"DELETE FROM evaluations WHERE {where}", values).rowcount

    count = delete("failure IS NOT NULL")
    followed = sum(delete("stage = ?", name) for name in gone)
    for phase, generation in generations.items():
        where = "stage = ? AND phase = ? AND generation > ?"
        followed += delete(where, stage, phase, generation)
    if "search" in generations:
        followed += delete("stage = ? AND phase <> 'search'", stage)
    connection.execute(
        "DELETE FROM facts WHERE key LIKE 'note/%'"
        f" AND key NOT IN (SELECT {NOTE_KEY} FROM evaluations)"
    )
    return Forgotten(count, followed, kept, gone)
