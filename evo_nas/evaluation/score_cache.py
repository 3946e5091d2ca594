"""Scores that need not be computed twice: by genome, shared weights and images.

A SQLite file next to the weights. Later runs that search with the same weights, at another budget
or by another strategy, pay only for genomes that nobody has scored. Limits keep what was measured
in such a file, too. Each row has a checksum, see :mod:`evo_nas.core.sqlite`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from evo_nas.core.sqlite import check_structure, checksum, explained
from evo_nas.errors import CheckpointError
from evo_nas.space.space import Genome

VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scores (
    key TEXT, genome TEXT, metrics TEXT NOT NULL, checksum INTEGER, PRIMARY KEY (key, genome)
) WITHOUT ROWID
"""
_PATIENCE = 60.0  # seconds, for another run that writes
_AT_ONCE = 500  # genomes in one question to SQLite


class ScoreCache:
    """Metrics of full genomes under one ``key``, which says on what they were computed.

    ``again`` is for metrics that are the same when they are computed again: rows that are not what
    was written are deleted then, and it is told. Without it they are an error: a time is never
    measured twice alike, and other rows may follow from it.
    """

    def __init__(self, path: Path, key: str, again: Callable[[str], None] | None = None) -> None:
        """Open the file, or make it.

        Raises:
            CheckpointError: the file is damaged.
            RunError: it is in use for long, or cannot be written.
        """
        self.path, self.key, self._again = path, key, again
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=_PATIENCE)
            # What is proposed may follow from a row as soon as it is kept.
            self._connection.execute("PRAGMA synchronous = EXTRA")
            check_structure(self._connection)
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version == 0:  # new
                with self._connection:
                    self._connection.execute(_SCHEMA)
                    self._connection.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise ValueError(f"it is of version {version}, not {VERSION}")
            self._check_rows()

    def get(self, genomes: Sequence[Genome]) -> dict[Genome, dict[str, float]]:
        """The metrics of those genomes that are known."""
        found: dict[Genome, dict[str, float]] = {}
        for start in range(0, len(genomes), _AT_ONCE):
            names = {json.dumps(genome): genome for genome in genomes[start : start + _AT_ONCE]}
            marks = ", ".join("?" * len(names))
            with self._explained():
                rows = self._connection.execute(
                    f"SELECT genome, metrics FROM scores WHERE key = ? AND genome IN ({marks})",
                    (self.key, *names),
                ).fetchall()
                found |= {names[name]: json.loads(metrics) for name, metrics in rows}
        return found

    def put(self, scores: Mapping[Genome, Mapping[str, float]]) -> None:
        """Keep the metrics of these genomes."""
        rows = [(self.key, json.dumps(g), json.dumps(dict(m))) for g, m in scores.items()]
        with self._explained(), self._connection:
            self._connection.executemany(
                "INSERT OR IGNORE INTO scores VALUES (?, ?, ?, ?)",
                [(*row, checksum(*row)) for row in rows],
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _explained(self) -> AbstractContextManager[None]:
        advice = (
            "restore it from a copy, or start a new run: what was proposed follows from it"
            if self._again is None
            else "delete the file, its scores can be computed again"
        )
        return explained(self.path, advice, CheckpointError)

    def _check_rows(self) -> None:
        rows = self._connection.execute(
            "SELECT key, genome, metrics, checksum FROM scores"
        ).fetchall()
        wrong = [row[:2] for *row, written in rows if written != checksum(*row)]
        if not wrong:
            return
        if self._again is None:
            raise ValueError(f"{len(wrong)} of {len(rows)} rows are not what was written")
        with self._connection:
            self._connection.executemany("DELETE FROM scores WHERE key = ? AND genome = ?", wrong)
        self._again(
            f"{self.path}: {len(wrong)} of {len(rows)} scores are damaged; they are computed again"
        )
