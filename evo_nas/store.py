"""A run's SQLite file: every evaluation, what phases took, and a few facts."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import schema
from .errors import RunError
from .files import disk_full
from .inputs import is_number
from .measuring import Ledger
from .space import Genome, Space
from .store_rows import checked, checked_fact, is_count, require

# Evaluations that took less than _QUICK seconds are committed together: a commit takes longer than
# a look into a table. None waits longer than _LONGEST_WAIT for the next one.
_QUICK = 0.01
_LONGEST_WAIT = 0.5


_NOTE_KEY = "'note/' || stage || '/' || phase || '/' || generation || '/' || position"  # a fact's


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluated candidate; genomes are full canonical genomes of the root space.

    ``failure`` says why it has no metrics, None where it has some.
    """

    stage: str
    phase: str
    generation: int
    position: int
    genome: Genome
    flops: int
    params: int
    metrics: Mapping[str, float]
    origin: str
    parents: tuple[Genome, ...]
    seconds: float
    images: Ledger
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What :meth:`Store.forgetting_failures` removes: ``followed`` evaluations beside the failed.

    ``kept`` are the stages before the first failure and that stage itself, ``stages`` those after.
    """

    failed: int
    followed: int
    kept: tuple[str, ...]
    stages: tuple[str, ...]


class Store:
    """The evaluations of one run."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open an existing file; one of an earlier version is brought up to date.

        Raises:
            RunError: it is missing, damaged, or of another version of evo-nas.
        """
        if not path.is_file():
            raise RunError(f"{path} is missing; this is no run folder of evo-nas")
        self.path, self._read_only = path, read_only
        with self._explained():
            self._connection = schema.connect(path, read_only=read_only)
            if not read_only:
                self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._committed = time.monotonic()

    @classmethod
    def create(cls, path: Path, space: Space) -> Store:
        """Make a new file for runs of ``space``."""
        schema.create(path, space)
        return cls(path)

    def close(self) -> None:
        """Close the file, so that it is one file that can be read from any medium."""
        self.commit()
        if not self._read_only:
            with suppress(sqlite3.OperationalError):  # somebody reads it right now
                self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()

    def commit(self) -> None:
        """Make durable what :meth:`add` left for later."""
        with self._explained():
            self._connection.commit()
        self._committed = time.monotonic()

    def compact(self) -> None:
        """Give back what the file does not need any more."""
        with self._explained():
            self._connection.execute("VACUUM")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        # UnicodeDecodeError, ValueError, OverflowError: a cell that no column of ours holds.
        except (sqlite3.Error, ValueError, OverflowError) as error:
            if isinstance(error, RunError):
                raise
            reason = " ".join(str(error).split())
            if "disk is full" in reason:
                raise disk_full(self.path) from error
            raise RunError(
                f"{self.path} is damaged or cannot be used ({reason}); restore it from a copy, or "
                "start a new run"
            ) from error

    # -- evaluations -----------------------------------------------------------------------------

    def add(
        self,
        evaluation: Evaluation,
        space: Space,
        score: float | None,
        notes: Sequence[str] = (),
    ) -> None:
        """Record an evaluation, durably unless it took next to no time; no score if it failed.

        Quick ones that arrive together are committed together, after half a second at the latest
        if more arrive; what is written of their phase, :meth:`spend`, commits them too. ``notes``
        are kept with it: see :meth:`notes`.
        """
        options = space.options(evaluation.genome)
        row = (
            evaluation.stage,
            evaluation.phase,
            evaluation.generation,
            evaluation.position,
            _dump(evaluation.genome),
            _dump([options.get(choice.name) for choice in space.choices]),
            evaluation.flops,
            evaluation.params,
            None if score is None else float(score),
            _dump(dict(evaluation.metrics)),
            evaluation.origin,
            _dump(evaluation.parents),
            float(evaluation.seconds),  # as SQLite gives it back: the checksum covers the type
            evaluation.images.trained,
            evaluation.images.measured,
            evaluation.failure,
        )
        cells = ", ".join(f"?{number}" for number in range(1, len(row) + 1))
        with self._explained():
            self._connection.execute(
                f"INSERT INTO evaluations VALUES (NULL, {cells}, checksum_of({cells}))", row
            )
            if notes:
                e = evaluation
                self._write_fact(f"note/{e.stage}/{e.phase}/{e.generation}/{e.position}", notes)
        waited = time.monotonic() - self._committed
        if evaluation.seconds >= _QUICK or waited >= _LONGEST_WAIT:
            self.commit()

    def evaluations(
        self, stage: str | None = None, phase: str | None = None, generation: int | None = None
    ) -> list[Evaluation]:
        """The evaluations of a stage, phase and generation (None: any), in the order proposed."""
        asked = {"stage": stage, "phase": phase, "generation": generation}
        given = {column: value for column, value in asked.items() if value is not None}
        # Conditions on nothing else, so that SQLite finds a generation by its index.
        where = " AND ".join(f"{column} = :{column}" for column in given) or "true"
        with self._explained():
            rows = self._connection.execute(
                "SELECT stage, phase, generation, position, genome, flops, params, metrics, origin,"
                f" parents, seconds, trained, measured, failure FROM evaluations WHERE {where}"
                " ORDER BY stage, phase DESC, generation, position",
                given,
            )
            known: dict[Genome, Genome] = {}
            return [_evaluation(checked(row, self.path), known) for row in rows]

    @contextmanager
    def forgetting_failures(self, config: str | None = None) -> Iterator[Forgotten]:
        """Forget evaluations that failed and those that followed, once the body has ended well.

        From a failure in a search follow the later generations and the finalists of its stage, and
        from any failure the later stages. From then on the run is one of the configuration with the
        digest ``config``, if it is given.
        """
        with self._explained(), self._connection:
            if config is not None:
                self._write_fact("config", config)
            yield self._forget_failures()

    def _forget_failures(self) -> Forgotten:
        stages: dict[str, int | None] = dict(  # with the first generation in which a search failed
            self._connection.execute(
                "SELECT stage, min(CASE WHEN failure IS NOT NULL AND phase = 'search'"
                " THEN generation END) FROM evaluations GROUP BY stage ORDER BY min(id)"
            ).fetchall()
        )
        failed = self._connection.execute(
            "SELECT stage FROM evaluations WHERE failure IS NOT NULL ORDER BY id LIMIT 1"
        ).fetchone()
        if failed is None:
            return Forgotten(0, 0, tuple(stages), ())
        names = list(stages)
        first = names.index(failed[0])
        kept, gone = tuple(names[: first + 1]), tuple(names[first + 1 :])
        count = self._delete("failure IS NOT NULL")
        followed = sum(self._delete("stage = ?", name) for name in gone)
        if (generation := stages[failed[0]]) is not None:
            where = "stage = ? AND (phase <> 'search' OR generation > ?)"
            followed += self._delete(where, failed[0], generation)
        self._connection.execute(
            f"DELETE FROM facts WHERE key LIKE 'note/%' AND key NOT IN"
            f" (SELECT {_NOTE_KEY} FROM evaluations)"
        )
        return Forgotten(count, followed, kept, gone)

    def _delete(self, where: str, *values: object) -> int:
        return self._connection.execute(f"DELETE FROM evaluations WHERE {where}", values).rowcount

    # -- facts and time --------------------------------------------------------------------------

    def set_fact(self, key: str, value: object) -> None:
        """Write down a fact, as JSON."""
        with self._explained(), self._connection:
            self._write_fact(key, value)

    def _write_fact(self, key: str, value: object) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO facts VALUES (?1, ?2, checksum_of(?1, ?2))",
            (key, json.dumps(value)),
        )

    def fact(self, key: str) -> object:
        """A fact, or None."""
        with self._explained():
            row = self._connection.execute(
                "SELECT value FROM facts WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else checked_fact(key, row[0], self.path)

    def add_notes(self, where: str, notes: Sequence[str]) -> None:
        """Keep what happened, each line once, by where in the run it happened."""
        new = [line for line in notes if line not in self.notes().get(where, [])]
        if new:
            kept = self._notes_of_phases()
            lines = list(dict.fromkeys([*kept.get(where, []), *new]))
            self.set_fact("notes", kept | {where: lines})

    def notes(self) -> dict[str, list[str]]:
        """What happened that bears on the result, by where in the run, each line once.

        First what was noted of a phase, then what was of its candidates, in their order.
        """
        found = self._notes_of_phases()
        with self._explained():
            rows = self._connection.execute(
                f"SELECT stage, phase, value FROM evaluations JOIN facts ON key = {_NOTE_KEY}"
                " ORDER BY stage, phase DESC, generation, position"
            )
            for stage, phase, lines in rows:
                where = f"{stage} {phase}"
                found[where] = list(dict.fromkeys([*found.get(where, []), *json.loads(lines)]))
        return found

    def _notes_of_phases(self) -> dict[str, list[str]]:
        kept = self.fact("notes")
        return kept if isinstance(kept, dict) else {}

    def spend(self, stage: str, phase: str, seconds: float, images: Ledger | None = None) -> None:
        """Add to the time that a phase took, over all restarts.

        ``images`` is what the phase has needed in all, besides its evaluations, if it is known now.
        """
        images = images or Ledger()
        with self._explained(), self._connection:
            self._connection.execute(
                "INSERT INTO spent VALUES (?1, ?2, ?3, ?4, ?5, checksum_of(?1, ?2, ?3, ?4, ?5))"
                " ON CONFLICT (stage, phase) DO UPDATE SET seconds = seconds + ?3,"
                " trained = max(trained, ?4), measured = max(measured, ?5), checksum ="
                " checksum_of(?1, ?2, seconds + ?3, max(trained, ?4), max(measured, ?5))",
                (stage, phase, float(seconds), images.trained, images.measured),
            )

    def spent(self) -> dict[tuple[str, str], float]:
        """Seconds by stage and phase, in the order in which they began."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT stage, phase, seconds FROM spent ORDER BY rowid"
            )
            found = {(str(s), str(p)): seconds for s, p, seconds in rows}
        for (stage, phase), seconds in found.items():
            require(is_number(seconds), self.path, f"{stage} {phase}", "seconds", seconds)
        return found

    def images(self) -> dict[tuple[str, str], Ledger]:
        """Images by stage and phase, where there are any."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT stage, phase, sum(trained), sum(measured) FROM ("
                " SELECT rowid AS began, 0 AS kind, stage, phase, trained, measured FROM spent"
                " UNION ALL SELECT id, 1, stage, phase, trained, measured FROM evaluations)"
                " GROUP BY stage, phase HAVING sum(trained) + sum(measured) > 0"
                " ORDER BY min(kind), min(began)"
            )
            found = {(str(s), str(p)): (t, m) for s, p, t, m in rows}
        for (stage, phase), images in found.items():
            sound = all(map(is_count, images))
            require(sound, self.path, f"{stage} {phase}", "images", images)
        return {key: Ledger(*images) for key, images in found.items()}


# One encoder: json.dumps would make one for each call.
_dump = json.JSONEncoder(separators=(",", ":")).encode


def _evaluation(row: tuple[Any, ...], known: dict[Genome, Genome]) -> Evaluation:
    """The evaluation in a row; genomes are taken from those ``known``, as parents have been."""
    stage, phase, generation, position = row[:4]
    genome, flops, params, metrics, origin, parents, seconds, trained, measured, failure = row[4:]
    genome, *parents = (known.setdefault(one, one) for one in map(tuple, (genome, *parents)))
    return Evaluation(
        stage, phase, generation, position, genome, flops, params, metrics, origin,
        tuple(parents), seconds, Ledger(trained, measured), failure,
    )  # fmt: skip
