"""Scores that need not be computed twice: by genome, shared weights and images.

A SQLite file next to the weights. Later runs that search with the same weights, at another budget
or by another strategy, pay only for genomes that nobody has scored.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import CheckpointError
from .inputs import is_number, shown
from .space import Genome

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scores (
    key TEXT, genome TEXT, metrics TEXT NOT NULL, PRIMARY KEY (key, genome)
) WITHOUT ROWID
"""
_PATIENCE = 60.0  # seconds, for another run that writes
_AT_ONCE = 500  # genomes in one question to SQLite


class ScoreCache:
    """Metrics of full genomes under one ``key``, which says on what they were computed."""

    def __init__(self, path: Path, key: str) -> None:
        """Open the file, or make it.

        Raises:
            CheckpointError: the file is damaged, or cannot be written.
        """
        self.path, self.key = path, key
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=_PATIENCE)
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self._connection:
                self._connection.execute(_SCHEMA)

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
                found |= {names[name]: _metrics(metrics) for name, metrics in rows}
        return found

    def put(self, scores: Mapping[Genome, Mapping[str, float]]) -> None:
        """Keep the metrics of these genomes."""
        rows = [(self.key, json.dumps(g), json.dumps(dict(m))) for g, m in scores.items()]
        with self._explained(), self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise CheckpointError(
                f"the scores in {self.path} cannot be used ({error}); delete the file, they can be "
                "computed again"
            ) from error


def _metrics(text: str) -> dict[str, float]:
    """The metrics in a row; raises a ValueError or TypeError if there are none."""
    metrics = json.loads(text)
    if not isinstance(metrics, dict) or not all(map(is_number, metrics.values())):
        raise ValueError(f"{shown(text)} are no metrics")
    return metrics
