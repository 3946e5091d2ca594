import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from evo_nas import schema
from evo_nas.errors import RunError
from evo_nas.measuring import Ledger
from evo_nas.store import Evaluation, Store

from .spacekit import TinySpace

SPACE = TinySpace(2)
GENOME = SPACE.encode({"block0.kind": "b", "block0.size": 4, "block0.depth": 2, "block1.kind": "c"})


def evaluation(
    position: int = 0, generation: int = 0, phase: str = "search", seconds: float = 0.1
) -> Evaluation:
    return Evaluation(
        "stage1", phase, generation, position, GENOME, 123, 45, {"accuracy": 0.5, "loss": 1.25},
        "mutation", (GENOME,), seconds, Ledger(3, 40),
    )  # fmt: skip


def test_what_is_added_is_read_back_in_the_order_proposed(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    added = [evaluation(1), evaluation(0), evaluation(0, 1), evaluation(0, 0, "finalists")]
    for each in added:
        store.add(each, SPACE, 0.5)
    store.close()
    store = Store(tmp_path / "run.sqlite")
    assert store.evaluations("stage1", "search") == [added[1], added[0], added[2]]
    assert store.evaluations("stage1", "search", 1) == [added[2]]
    assert store.evaluations() == [added[1], added[0], added[2], added[3]]
    assert store.evaluations("stage2") == []


def test_choices_can_be_read_by_name(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    store.add(evaluation(), SPACE, 0.5)
    store.close()
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        found = dict(connection.execute("SELECT name, value FROM named_choices").fetchall())
    assert found == SPACE.options(GENOME)


def test_facts_and_time(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    store.set_fact("versions", {"torch": "2"})
    store.spend("stage1", "search", 1.0)
    store.spend("stage0", "training", 2.0)
    store.spend("stage1", "search", 0.5)
    assert store.fact("versions") == {"torch": "2"}
    assert store.fact("nothing") is None
    assert list(store.spent().items()) == [
        (("stage1", "search"), 1.5),
        (("stage0", "training"), 2.0),
    ]


def test_images_are_those_of_evaluations_and_of_what_went_before(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    store.spend("stage1", "training", 2.0, Ledger(1000, 0))
    store.spend("stage1", "training", 1.0, Ledger(1000, 0))  # resumed: seconds add up, images not
    store.spend("stage1", "search", 1.0)
    store.add(evaluation(0), SPACE, 0.5)
    store.add(evaluation(1), SPACE, 0.5)
    store.spend("final", "test", 0.1, Ledger(measured=7))
    assert store.images() == {
        ("stage1", "training"): Ledger(1000, 0),
        ("stage1", "search"): Ledger(6, 80),
        ("final", "test"): Ledger(0, 7),
    }


def test_an_evaluation_cannot_be_recorded_twice(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    store.add(evaluation(), SPACE, 0.5)
    with pytest.raises(RunError, match="UNIQUE"):
        store.add(evaluation(), SPACE, 0.5)


def test_slow_evaluations_are_durable_at_once_and_quick_ones_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def durable() -> int:
        reader = Store(tmp_path / "run.sqlite", read_only=True)
        found = len(reader.evaluations())
        reader.close()
        return found

    now = 0.0
    monkeypatch.setattr("evo_nas.store.time.monotonic", lambda: now)
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    store.add(evaluation(0, seconds=0.02), SPACE, 0.5)
    assert durable() == 1
    store.add(evaluation(1, seconds=0.001), SPACE, 0.5)
    now = 0.4
    store.add(evaluation(2, seconds=0.001), SPACE, 0.5)
    assert durable() == 1
    now = 0.6
    store.add(evaluation(3, seconds=0.001), SPACE, 0.5)
    assert durable() == 4
    store.add(evaluation(4, seconds=0.001), SPACE, 0.5)
    store.commit()
    assert durable() == 5


@pytest.mark.parametrize("damage", ["missing", "text", "empty", "hole", "schema"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "run.sqlite"
    store = Store.create(path, SPACE)
    for position in range(200):
        store.add(evaluation(position), SPACE, 0.5)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    if damage == "missing":
        path.unlink()
    elif damage == "text":
        path.write_text("this is no database, whatever its name says" * 100)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "hole":
        content = bytearray(path.read_bytes())
        content[4096:12288] = b"\xff" * 8192
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RunError, match=r"run\.sqlite"):
        Store(path)


def as_version_2(path: Path) -> None:
    """Make the file what evo-nas wrote before candidates could fail."""
    with sqlite3.connect(path) as connection:
        (table,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'evaluations'"
        ).fetchone()
        (view,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'named_choices'"
        ).fetchone()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(evaluations)")][:-1]
        connection.execute("DROP VIEW named_choices")
        connection.execute("ALTER TABLE evaluations RENAME TO later")
        lines = [line for line in table.splitlines() if "failure TEXT" not in line]
        connection.execute("\n".join(lines).replace("score REAL,", "score REAL NOT NULL,"))
        connection.execute(f"INSERT INTO evaluations SELECT {', '.join(columns)} FROM later")
        connection.execute("DROP TABLE later")
        connection.execute(view)
        connection.execute("PRAGMA user_version = 2")
    connection.close()


def layout(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_a_failed_evaluation_has_a_reason_and_no_score(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    failed = replace(evaluation(), metrics={}, failure="ValueError: why")
    store.add(failed, SPACE, None)
    assert store.evaluations() == [failed]
    store.close()
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        assert connection.execute("SELECT score FROM evaluations").fetchall() == [(None,)]


def test_a_file_of_version_2_is_read_unchanged_and_migrated_when_written(tmp_path: Path) -> None:
    path, added = tmp_path / "run.sqlite", [evaluation(0), evaluation(1)]
    store = Store.create(path, SPACE)
    for each in added:
        store.add(each, SPACE, 0.5)
    store.close()
    new = layout(path)
    as_version_2(path)
    old = layout(path)
    assert old != new
    reader = Store(path, read_only=True)
    assert reader.evaluations() == added
    reader.close()
    assert layout(path) == old
    store = Store(path)
    store.add(replace(evaluation(2), metrics={}, failure="why"), SPACE, None)
    store.close()
    assert [e.failure for e in Store(path, read_only=True).evaluations()] == [None, None, "why"]
    assert layout(path) == new
    with sqlite3.connect(path) as connection:
        assert len(connection.execute("SELECT * FROM named_choices").fetchall()) == 12


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.sqlite"
    Store.create(path, SPACE).close()
    as_version_2(path)
    old = layout(path)
    monkeypatch.setattr("evo_nas.schema._NAMED_CHOICES", "CREATE VIEW named_choices AS nonsense")
    with pytest.raises(RunError, match="nonsense"):
        Store(path)
    assert layout(path) == old
    monkeypatch.undo()
    assert Store(path).evaluations() == []


@pytest.mark.parametrize("version", [1, 99])
def test_other_versions_are_told(tmp_path: Path, version: int) -> None:
    path = tmp_path / "run.sqlite"
    Store.create(path, SPACE).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(RunError, match=f"schema version {version}, this evo-nas reads 2 to 3"):
        Store(path, read_only=True)


def test_where_nothing_can_be_written_beside_it_a_copy_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.sqlite"
    writer = Store.create(path, SPACE)
    writer.add(evaluation(), SPACE, 0.5)  # in the log beside the file, which is open
    usual = schema._open

    def only_copies(file: Path, mode: str) -> sqlite3.Connection:
        """As SQLite does on read-only media: it connects, and fails at the first question."""
        return usual(file, mode) if file.parent != tmp_path else Refusing(":memory:")

    monkeypatch.setattr(schema, "_open", only_copies)
    assert Store(path, read_only=True).evaluations() == [evaluation()]


class Refusing(sqlite3.Connection):
    def execute(self, *_: object) -> sqlite3.Cursor:
        raise sqlite3.OperationalError("unable to open database file")
