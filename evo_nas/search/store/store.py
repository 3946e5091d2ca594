"""A run's SQLite file: every evaluation, what phases took, and a few facts.

Why: docs/decisions/018-batched-commits.md.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from evo_nas.core.sqlite import checksum, explained
from evo_nas.errors import RunError
from evo_nas.space.space import Genome, Space
from evo_nas.training.ledger import Ledger

from . import schema
from .checksums import covered
from .failures import NOTE, NOTE_KEY, Forgotten, forget_failures
from .rows import PLACE, Evaluation, Facts, Record, Spent, read

__all__ = ["Evaluation", "Forgotten", "Store"]

# Evaluations that took less than _QUICK seconds are committed together: a commit takes longer than
# a look into a table. None waits longer than _LONGEST_WAIT for the next one. What is committed
# survives the end of this process; what took at least _COSTLY seconds survives a loss of power too.
# A commit that waits for the disk takes some milliseconds, in which cheaper ones can be repeated.
_QUICK = 0.01
_LONGEST_WAIT = 0.5
_COSTLY = 0.1
_FACT = "SELECT value FROM facts WHERE key = ?"
_ADVICE = "restore it from a copy, or start a new run"


class Store:
    """The evaluations of one run."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open an existing file; one of an earlier version is brought up to date.

        Raises:
            RunError: it is missing, damaged, in use, or of another version of evo-nas.
        """
        if not path.is_file():
            raise RunError(f"{path} is missing; this is no run folder of evo-nas")
        self.path, self._read_only = path, read_only
        with self._explained():
            self._connection = schema.connect(path, read_only=read_only)
            self._connection.row_factory = sqlite3.Row
            self._columns = {each: covered(self._connection, each) for each in schema.TABLES}
            (journal,) = self._connection.execute("PRAGMA journal_mode").fetchone()
        self._logs = journal == "wal"
        self._committed = time.monotonic()
        self._durable = True  # SQLite's default

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
        """Commit what :meth:`add` left for later."""
        with self._explained():
            self._connection.commit()
        self._committed = time.monotonic()

    def sync(self) -> None:
        """Make everything that was recorded durable, so that other files may refer to it."""
        self._begin(durable=True)
        with self._explained():  # a commit that changes nothing; the disk has all that precede it
            self._connection.execute(f"PRAGMA user_version = {schema.VERSION}")

    def _begin(self, *, durable: bool) -> None:
        """See that what is recorded next will survive a loss of power when it is committed, or not.

        Whatever was committed before is durable then, too: it precedes it in SQLite's log. Without
        a log only what is durable is safe from damage.
        """
        durable = durable or not self._logs
        if durable == self._durable:
            return
        if self._connection.in_transaction:
            self.commit()  # SQLite does not change it within one
        with self._explained():
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._durable = durable

    def compact(self) -> None:
        """Give back what the file does not need any more."""
        with self._explained():
            self._connection.execute("VACUUM")

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.path, _ADVICE)

    # -- evaluations -----------------------------------------------------------------------------

    def add(
        self,
        evaluation: Evaluation,
        space: Space,
        score: float | None,
        notes: Sequence[str] = (),
        *,
        again: bool = False,
    ) -> None:
        """Record an evaluation, durably if it took a tenth of a second; no score if it failed.

        Others are durable once a costly one or :meth:`sync` has followed. Quick ones that arrive
        together are committed together, after half a second at the latest if more arrive; what is
        written of their phase, :meth:`spend`, commits them too. ``notes`` are kept with it, see
        :meth:`notes`. One that is recorded ``again`` takes the place of what was there.
        """
        self._begin(durable=evaluation.seconds >= _COSTLY)
        options = space.options(evaluation.genome)
        cells = {
            **_cells(evaluation),
            "genome": _dump(evaluation.genome),
            "metrics": _dump(dict(evaluation.metrics)),
            "parents": _dump(evaluation.parents),
            "options": _dump([options.get(choice.name) for choice in space.choices]),
            "score": None if score is None else float(score),
        }
        with self._explained():
            self._insert("evaluations", cells, key=", ".join(PLACE) if again else "")
            if notes:
                self._write_fact(NOTE % tuple(cells[name] for name in PLACE), _dump(list(notes)))
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
        order = "ORDER BY stage, phase DESC, generation, position"
        known: dict[Genome, Genome] = {}  # a parent is kept once, however many children it has
        found = []
        for one in self._read(
            Evaluation, f"SELECT * FROM evaluations WHERE {where} {order}", given
        ):
            genome, *parents = (known.setdefault(each, each) for each in (one.genome, *one.parents))
            found.append(replace(one, genome=genome, parents=tuple(parents)))
        return found

    def _read(
        self, kind: type[Record], query: str, given: Mapping[str, object] | None = None
    ) -> Iterator[Record]:
        with self._explained():
            for row in self._connection.execute(query, given or {}):
                cells = dict(row)
                images = {name: cells.pop(name) for name in ("trained", "measured")}
                yield read(kind, {**cells, "images": images}, self.path)

    def _insert(self, table: str, cells: Mapping[str, Any], key: str = "") -> None:
        """Write a row with its checksum, in place of that with the same ``key`` if one is named."""
        row = [cells[name] for name in self._columns[table]]
        names = [*self._columns[table], "checksum"]
        statement = (
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        )
        if key:  # not REPLACE: a row keeps its place, which tells when its phase began
            changes = ", ".join(f"{name} = excluded.{name}" for name in names)
            statement += f" ON CONFLICT ({key}) DO UPDATE SET {changes}"
        self._connection.execute(statement, (*row, checksum(*row)))

    @contextmanager
    def changing(self, facts: Mapping[str, object], *, durable: bool = True) -> Iterator[None]:
        """Write down facts, and all that the body changes, once it has ended well."""
        texts = {key: json.dumps(value) for key, value in facts.items()}
        self._begin(durable=durable)
        with self._explained(), self._connection:
            for key, text in texts.items():
                self._write_fact(key, text)
            yield

    def move(self, was: Evaluation, now: Evaluation) -> None:
        """Give an evaluation, with its notes, another place, origin and parents: a change."""
        after = _cells(now) | {"parents": _dump(now.parents)}
        old, new = (tuple(getattr(one, name) for name in PLACE) for one in (was, now))
        where = f"({', '.join(PLACE)}) = (?, ?, ?, ?)"
        (row,) = self._connection.execute(f"SELECT * FROM evaluations WHERE {where}", old)
        self._connection.execute(f"DELETE FROM evaluations WHERE {where}", old)
        moved = dict(row) | {name: after[name] for name in (*PLACE, "origin", "parents")}
        self._insert("evaluations", moved)
        for (note,) in self._connection.execute(_FACT, (NOTE % old,)).fetchall():
            self._write_fact(NOTE % new, note)
        self._connection.execute("DELETE FROM facts WHERE key = ?", (NOTE % old,))

    @contextmanager
    def forgetting_failures(self, config: object = None) -> Iterator[Forgotten]:
        """Forget evaluations that failed and those that followed, once the body has ended well.

        From then on the run is one of the configuration ``config``, if it is given.
        """
        with self.changing({} if config is None else {"config": config}):
            yield forget_failures(self._connection)

    # -- facts and time --------------------------------------------------------------------------

    def set_fact(self, key: str, value: object) -> None:
        """Write down a fact."""
        with self.changing({key: value}):
            pass

    def _write_fact(self, key: str, text: str) -> None:
        self._insert("facts", {"key": key, "value": text}, key="key")

    def fact(self, key: str) -> Any:
        """A fact, or None; its type is that in :class:`evo_nas.search.store.rows.Facts`."""
        with self._explained():
            row = self._connection.execute(_FACT, (key,)).fetchone()
        return None if row is None else getattr(read(Facts, {key: row[0]}, self.path), key)

    def add_notes(self, where: str, notes: Sequence[str]) -> None:
        """Keep what happened, each line once, by where in the run it happened."""
        known = self.notes().get(where, []) if notes else []
        if new := [line for line in notes if line not in known]:
            kept = self.fact("notes") or {}
            self.set_fact("notes", kept | {where: [*dict.fromkeys([*kept.get(where, []), *new])]})

    def notes(self) -> dict[str, list[str]]:
        """What happened that bears on the result, by where in the run, each line once.

        First what was noted of a phase, then what was of its candidates, in their order.
        """
        found: dict[str, list[str]] = self.fact("notes") or {}
        with self._explained():
            rows = self._connection.execute(
                f"SELECT stage, phase, value FROM evaluations JOIN facts ON key = {NOTE_KEY}"
                " ORDER BY stage, phase DESC, generation, position"
            )
            for stage, phase, lines in rows:
                where = f"{stage} {phase}"
                found[where] = list(dict.fromkeys([*found.get(where, []), *json.loads(lines)]))
        return found

    def spend(self, stage: str, phase: str, seconds: float, images: Ledger | None = None) -> None:
        """Add to the time that a phase took, over all restarts.

        ``images`` is what the phase has needed in all, besides its evaluations, if it is known now.
        """
        images = images or Ledger()
        with self.changing({}, durable=seconds >= _COSTLY):
            query = "SELECT * FROM spent WHERE stage = :stage AND phase = :phase"
            known = self._read(Spent, query, {"stage": stage, "phase": phase})
            before = [*known, Spent(stage, phase, 0.0, Ledger())][0]
            most = Ledger(
                max(before.images.trained, images.trained),
                max(before.images.measured, images.measured),
            )
            row = Spent(stage, phase, before.seconds + seconds, most)
            self._insert("spent", _cells(row), key="stage, phase")

    def spent(self) -> dict[tuple[str, str], float]:
        """Seconds by stage and phase, in the order in which they began."""
        rows = self._read(Spent, "SELECT * FROM spent ORDER BY rowid")
        return {(one.stage, one.phase): one.seconds for one in rows}

    def images(self) -> dict[tuple[str, str], Ledger]:
        """Images by stage and phase, where there are any."""
        rows = self._read(
            Spent,
            "SELECT stage, phase, 0.0 AS seconds, sum(trained) AS trained,"
            " sum(measured) AS measured FROM ("
            " SELECT rowid AS began, 0 AS kind, stage, phase, trained, measured FROM spent"
            " UNION ALL SELECT id, 1, stage, phase, trained, measured FROM evaluations)"
            " GROUP BY stage, phase HAVING sum(trained) + sum(measured) > 0"
            " ORDER BY min(kind), min(began)",
        )
        return {(one.stage, one.phase): one.images for one in rows}


def _cells(record: Evaluation | Spent) -> dict[str, Any]:
    """The fields of a record by column."""
    cells = {field.name: getattr(record, field.name) for field in fields(record)}
    # As SQLite gives them back: a checksum covers the type.
    return {**cells, **asdict(cells.pop("images")), "seconds": float(record.seconds)}


# One encoder: json.dumps would make one for each call.
_dump = json.JSONEncoder(separators=(",", ":")).encode
