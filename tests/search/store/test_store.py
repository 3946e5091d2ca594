import contextlib
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evo_nas.core.signals import Stopped, stopped_by_signals
from evo_nas.core.sqlite import checksum
from evo_nas.errors import RunError
from evo_nas.search.store import checksums, migrations, schema
from evo_nas.search.store.checksums import seal
from evo_nas.search.store.file_system import FileSystem
from evo_nas.search.store.store import Evaluation, Store
from evo_nas.training.ledger import Ledger
from tests.kit.spaces import TinySpace

SPACE = TinySpace(2)
GENOME = SPACE.encode({"block0.kind": "b", "block0.size": 4, "block0.depth": 2, "block1.kind": "c"})


def evaluation(
    position: int = 0, generation: int = 0, phase: str = "search", seconds: float = 0.1
) -> Evaluation:
    return Evaluation(
        "stage1", phase, generation, position, GENOME, 123, 45, {"accuracy": 0.5, "loss": 1.25},
        "mutation", (GENOME,), seconds, Ledger(3, 40),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


@pytest.fixture
def store(path: Path) -> Store:
    return Store.create(path, SPACE)


def fill(store: Store, count: int) -> None:
    for position in range(count):
        store.add(evaluation(position), SPACE, 0.5)
    store.close()


def execute(path: Path, statement: str, *values: object) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_what_is_added_is_read_back_in_the_order_proposed(path: Path, store: Store) -> None:
    added = [evaluation(1), evaluation(0), evaluation(0, 1), evaluation(0, 0, "finalists")]
    for each in added:
        store.add(each, SPACE, 0.5)
    store.close()
    store = Store(path)
    assert store.evaluations("stage1", "search") == [added[1], added[0], added[2]]
    assert store.evaluations("stage1", "search", 1) == [added[2]]
    assert store.evaluations() == [added[1], added[0], added[2], added[3]]
    assert store.evaluations("stage2") == []


def test_a_generation_is_found_without_looking_at_the_others(store: Store) -> None:
    taken: list[int] = []

    def count() -> int:
        """One more step of SQLite's machine; 0 lets it go on."""
        taken[-1] += 1
        return 0

    for generation in range(400):
        store.add(evaluation(0, generation, seconds=0), SPACE, 0.5)
        if generation in (9, 399):
            taken.append(0)
            store._connection.set_progress_handler(count, 1)
            assert store.evaluations("stage1", "search", 5) == [evaluation(0, 5, seconds=0)]
            store._connection.set_progress_handler(None, 1)
    assert 10 < taken[0] == taken[1]


def test_choices_can_be_read_by_name(path: Path, store: Store) -> None:
    fill(store, 1)
    assert dict(execute(path, "SELECT name, value FROM named_choices")) == SPACE.options(GENOME)


def test_facts_and_time(store: Store) -> None:
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


def test_images_are_those_of_evaluations_and_of_what_went_before(store: Store) -> None:
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


def test_an_evaluation_cannot_be_recorded_twice(store: Store) -> None:
    store.add(evaluation(), SPACE, 0.5)
    with pytest.raises(RunError, match="UNIQUE"):
        store.add(evaluation(), SPACE, 0.5)


def test_slow_evaluations_are_committed_at_once_and_quick_ones_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def committed() -> int:
        return len(read(path)[0])

    now = 0.0
    monkeypatch.setattr("evo_nas.search.store.store.time.monotonic", lambda: now)
    store = Store.create(path, SPACE)
    store.add(evaluation(0, seconds=0.02), SPACE, 0.5)
    assert committed() == 1
    store.add(evaluation(1, seconds=0.001), SPACE, 0.5)
    now = 0.4
    store.add(evaluation(2, seconds=0.001), SPACE, 0.5)
    assert committed() == 1
    now = 0.6
    store.add(evaluation(3, seconds=0.001), SPACE, 0.5)
    assert committed() == 4
    store.add(evaluation(4, seconds=0.001), SPACE, 0.5)
    store.commit()
    assert committed() == 5


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "text": lambda content: b"this is no database, whatever its name says" * 100,
    "empty": lambda content: b"",
    "hole": lambda content: content[:4096] + b"\xff" * 8192 + content[12288:],
}


@pytest.mark.parametrize("damage", [*DAMAGES, "missing"])
def test_a_damaged_file_is_named(path: Path, store: Store, damage: str) -> None:
    fill(store, 200)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(RunError, match=r"run\.sqlite"):
        Store(path)


VERSION_2 = """
DROP VIEW named_choices;
ALTER TABLE evaluations DROP COLUMN failure;
ALTER TABLE evaluations DROP COLUMN checksum;
ALTER TABLE facts DROP COLUMN checksum;
ALTER TABLE choices DROP COLUMN checksum;
ALTER TABLE spent DROP COLUMN checksum;
CREATE VIEW named_choices AS
    SELECT e.id AS evaluation, c.name AS name, o.value AS value
    FROM evaluations e, json_each(e.options) o JOIN choices c ON c.position = o.key
    WHERE o.value IS NOT NULL;
PRAGMA user_version = 2;
"""


def as_version_2(path: Path) -> None:
    """Make the file what evo-nas wrote before candidates could fail."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_2)


def layout(path: Path) -> dict[str, list[tuple[str, str, int]]]:
    """By table or view: names and types of columns, and whether they may be null."""
    names = execute(path, "SELECT name FROM sqlite_master WHERE type != 'index'")
    return {
        name: [row[1:4] for row in execute(path, f"PRAGMA table_info({name})")] for (name,) in names
    }


def test_a_failed_evaluation_has_a_reason_and_no_score(path: Path, store: Store) -> None:
    failed = replace(evaluation(), metrics={}, failure="ValueError: why")
    store.add(failed, SPACE, None)
    assert store.evaluations() == [failed]
    store.close()
    assert execute(path, "SELECT score FROM evaluations") == [(None,)]


def test_a_file_of_version_2_is_read_unchanged_and_migrated_when_written(
    path: Path, store: Store
) -> None:
    fill(store, 2)
    new = layout(path)
    as_version_2(path)
    old = layout(path)
    assert old != new
    assert read(path)[0] == [evaluation(0), evaluation(1)]
    assert layout(path) == old
    store = Store(path)
    store.add(replace(evaluation(2), metrics={}, failure="why"), SPACE, None)
    store.close()
    assert [e.failure for e in read(path)[0]] == [None, None, "why"]
    assert layout(path) == new
    assert len(execute(path, "SELECT * FROM named_choices")) == 12


def test_a_column_of_today_changes_no_earlier_migration(
    path: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    version_3 = layout(path)
    as_version_2(path)
    another = schema._EVALUATIONS.replace("    failure TEXT", "    mood TEXT,\n    failure TEXT")
    monkeypatch.setattr(schema, "_EVALUATIONS", another)
    monkeypatch.setattr(schema, "_SCHEMA", (*schema._SCHEMA[:2], another, *schema._SCHEMA[3:]))
    Store.create(tmp_path / "new.sqlite", SPACE).close()
    assert layout(tmp_path / "new.sqlite") != version_3
    Store(path).close()
    assert layout(path) == version_3

    def add_mood(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE evaluations ADD COLUMN mood TEXT")
        seal(connection, ("evaluations",))

    monkeypatch.setattr(schema, "VERSION", 4)
    monkeypatch.setitem(migrations.MIGRATIONS, 3, add_mood)
    as_version_2(path)
    Store(path).close()
    added = layout(path)["evaluations"]
    assert sorted(added) == sorted(layout(tmp_path / "new.sqlite")["evaluations"])


def test_a_migration_that_fails_changes_nothing(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    as_version_2(path)
    old = layout(path)
    monkeypatch.setattr(
        "evo_nas.search.store.migrations._LET_CANDIDATES_FAIL",
        (*migrations._LET_CANDIDATES_FAIL, "CREATE VIEW nonsense"),
    )
    with pytest.raises(RunError, match="incomplete"):
        Store(path)
    assert layout(path) == old
    monkeypatch.undo()
    assert Store(path).evaluations() == []


@pytest.mark.parametrize("version", [1, 99])
def test_other_versions_are_told(path: Path, store: Store, version: int) -> None:
    store.close()
    execute(path, f"PRAGMA user_version = {version}")
    with pytest.raises(RunError, match=f"schema version {version}, this evo-nas reads 2 to 3"):
        Store(path, read_only=True)


def test_where_nothing_can_be_written_beside_it_a_copy_is_read(
    path: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(evaluation(), SPACE, 0.5)  # in the log beside the file, which is open
    usual = schema._open

    def only_copies(file: Path, mode: str) -> sqlite3.Connection:
        """As SQLite does on read-only media: it connects, and fails at the first question."""
        return usual(file, mode) if file.parent != tmp_path else Refusing(":memory:")

    monkeypatch.setattr(schema, "_open", only_copies)
    assert Store(path, read_only=True).evaluations() == [evaluation()]


class Refusing(sqlite3.Connection):
    def execute(self, *_: object) -> sqlite3.Cursor:
        raise sqlite3.OperationalError("unable to open database file")


CELLS = [
    ("evaluations", "metrics", '{"accuracy":0.9,"loss":1.25}'),
    ("evaluations", "score", 0.9),
    ("evaluations", "flops", 124),
    ("evaluations", "failure", "why"),
    ("evaluations", "options", "[0]"),
    ("facts", "value", '"another"'),
    ("choices", "name", "block9.kind"),
    ("spent", "seconds", 1.0),
    ("spent", "trained", 8),
]


@pytest.mark.parametrize(("table", "column", "value"), CELLS)
def test_a_cell_that_is_not_what_was_written_is_noticed(
    path: Path, store: Store, table: str, column: str, value: object
) -> None:
    store.add(evaluation(seconds=2), SPACE, 1)  # whole numbers where SQLite keeps fractions
    store.set_fact("data", "one")
    for _ in range(2):
        store.spend("stage1", "training", 2, Ledger(7, 1))
    store.close()
    Store(path).close()
    execute(path, f"UPDATE {table} SET {column} = ? WHERE rowid = 1", value)
    for read_only in (False, True):
        with pytest.raises(RunError, match=rf"row \d+ of {table} is not what was written"):
            Store(path, read_only=read_only)


def test_a_flipped_bit_anywhere_is_noticed_or_changes_nothing(
    path: Path, store: Store, tmp_path: Path
) -> None:
    store.spend("stage1", "search", 2.5, Ledger(7, 1))
    store.set_fact("data", "one")
    fill(store, 30)
    sound, content = read(path), path.read_bytes()
    draw, noticed = random.Random(0), []
    for _ in range(300):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        (tmp_path / "damaged.sqlite").write_bytes(damaged)
        try:
            found = read(tmp_path / "damaged.sqlite")
        except RunError as error:
            noticed.append(str(error))
        else:
            assert found == sound
    assert len(noticed) > 30
    assert not any("\n" in message for message in noticed)


def read(path: Path) -> tuple[Any, ...]:
    store = Store(path, read_only=True)
    try:
        return store.evaluations(), store.spent(), store.images(), store.fact("data")
    finally:
        store.close()


def test_a_closed_store_is_one_file_even_after_it_was_read(path: Path, store: Store) -> None:
    store.close()
    assert read(path)[0] == []
    assert list(path.parent.iterdir()) == [path]


def test_a_store_closes_while_another_process_reads_it(path: Path, store: Store) -> None:
    store.add(evaluation(), SPACE, 0.5)
    reader = Store(path, read_only=True)
    assert len(reader.evaluations()) == 1
    store.close()
    assert len(reader.evaluations()) == 1
    reader.close()


def test_what_a_crash_left_in_the_log_is_found_in_a_copy(tmp_path: Path, store: Store) -> None:
    store.add(evaluation(), SPACE, 0.5)
    (tmp_path / "copy").mkdir()
    for name in ("run.sqlite", "run.sqlite-wal"):  # the process never closed it
        shutil.copy(tmp_path / name, tmp_path / "copy")
    for read_only in (True, False):
        copy = Store(tmp_path / "copy" / "run.sqlite", read_only=read_only)
        assert copy.evaluations() == [evaluation()]
        copy.close()
    store.close()


def test_a_file_that_machines_share_has_no_log_in_memory(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(evaluation(), SPACE, 0.5)
    copied = path.with_name("copy.sqlite")
    for name in ("", "-wal"):  # as a crash leaves it
        shutil.copy(f"{path}{name}", f"{copied}{name}")
    store.close()
    monkeypatch.setattr(schema, "file_system_of", lambda _path: FileSystem("nfs4"))
    shared = Store(copied)
    assert shared.evaluations() == [evaluation()]
    (waits,) = shared._connection.execute("PRAGMA synchronous").fetchone()
    assert waits == 2  # for the disk, at each commit: without a log less is not sound
    assert not list(copied.parent.glob("copy.sqlite-*"))
    reader = Store(copied, read_only=True)  # while another may write
    shared.add(replace(evaluation(), position=1), SPACE, 0.5)
    assert not list(copied.parent.glob("copy.sqlite-[ws]*"))
    assert len(reader.evaluations()) == 2
    reader.close()
    shared.close()
    fresh = path.with_name("fresh.sqlite")
    Store.create(fresh, SPACE).close()
    assert _journal(fresh) == _journal(copied) == "delete"
    monkeypatch.undo()
    local = Store(copied)
    assert _journal(copied) == "wal"
    local.close()


def _journal(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    finally:
        connection.close()
    return str(mode)


def raising_signal(number: int) -> Callable[..., int]:
    """What Ctrl-C does while the row of this number is looked at."""
    left = number

    def looked_at(*values: Any) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        return checksum(*values)

    return looked_at


@pytest.mark.parametrize("read_only", [True, False])
def test_ctrl_c_while_rows_are_looked_at_is_no_damage(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    fill(store, 30)
    with monkeypatch.context() as patch:
        patch.setattr(checksums, "checksum", raising_signal(20))
        with pytest.raises(KeyboardInterrupt):
            Store(path, read_only=read_only)
        patch.setattr(checksums, "checksum", raising_signal(20))
        with pytest.raises(Stopped), stopped_by_signals():
            Store(path, read_only=read_only)
    assert len(Store(path, read_only=read_only).evaluations()) == 30


def test_ctrl_c_while_something_is_recorded_is_no_damage(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Callable[[], None]] = [
        lambda: store.add(evaluation(), SPACE, 0.5),
        lambda: store.set_fact("data", "one"),
        lambda: store.spend("stage1", "search", 1.0),
    ]
    for step in steps:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
            patch.setattr("evo_nas.search.store.store.checksum", raising_signal(1))
            step()
        step()
    store.close()
    assert read(path)[0] == [evaluation()]


def test_a_store_that_cannot_be_written_or_is_in_use_is_not_called_damaged(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 3)
    monkeypatch.setattr(
        schema, "_open", lambda file, mode: sqlite3.connect(f"{file.as_uri()}?mode={mode}",
        uri=True, timeout=0),
    )  # fmt: skip
    with contextlib.closing(sqlite3.connect(path)) as other:
        reading = other.execute("SELECT * FROM evaluations")
        next(reading)
        with pytest.raises(RunError, match=r"run\.sqlite is in use by another program; close"):
            Store(path)
        reading.close()
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunError, match=r"run\.sqlite is in use by another program; close"):
            Store(path, read_only=True)
    usual = schema._open
    monkeypatch.setattr(schema, "_open", lambda file, mode: usual(file, "ro"))
    with pytest.raises(RunError, match=r"run\.sqlite is read-only \(.*\); make it and its folder"):
        Store(path)


def test_what_was_costly_is_durable_and_all_else_once_it_is_synced(store: Store) -> None:
    levels: list[int] = []

    def note(statement: str) -> None:
        """SQLite's level of safety when a commit begins, 2 where it waits for the disk."""
        if statement in ("COMMIT", f"PRAGMA user_version = {schema.VERSION}"):
            levels.append(store._connection.execute("PRAGMA synchronous").fetchone()[0])

    def quick(position: int) -> None:
        store.add(evaluation(position, seconds=0.001), SPACE, 0.5)
        store.commit()

    steps: list[tuple[Callable[[], None], int]] = [
        (lambda: store.set_fact("data", "one"), 2),
        (lambda: store.add(evaluation(0, seconds=2), SPACE, 0.5), 2),
        (lambda: quick(1), 1),
        (lambda: store.add(evaluation(3, seconds=0.05), SPACE, 0.5), 1),
        (lambda: store.spend("stage1", "search", 0.05), 1),
        (lambda: store.spend("stage1", "search", 2), 2),
        (lambda: quick(2), 1),
        (store.sync, 2),
    ]
    store._connection.set_trace_callback(note)
    for step, level in steps:
        levels.clear()
        step()
        assert levels[-1] == level
