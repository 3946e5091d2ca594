import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evo_nas.core.sqlite import check_structure, checksum, explained
from evo_nas.errors import CheckpointError, DataError, RunError

FILE = Path("folder/run.sqlite")


def told(error: Exception) -> str:
    """What is said of an error, in one line; a CheckpointError is of damage alone."""
    with pytest.raises(RunError) as caught, explained(FILE, "delete it", CheckpointError):
        raise error
    message = str(caught.value)
    assert message.startswith(f"{FILE} ")
    assert "\n" not in message
    assert ("is damaged" in message) == isinstance(caught.value, CheckpointError)
    return message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_BUSY, "is in use by another program; close what"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "is in use by another program; close what"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "is read-only (it is so); make it"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened (it is so); see to its permissions"),
        (sqlite3.SQLITE_IOERR_FSYNC, "cannot be read or written (it is so); see to its disk"),
        (sqlite3.SQLITE_FULL, "cannot be written, the disk is full; free some space"),
        (sqlite3.SQLITE_CORRUPT, "is damaged (it is so); delete it"),
        (sqlite3.SQLITE_NOTADB, "is damaged (it is so); delete it"),
    ],
)
def test_what_sqlite_could_not_do_is_told_as_what_it_is(code: int, said: str) -> None:
    error = sqlite3.OperationalError("it is\nso")
    error.sqlite_errorcode = code
    assert said in told(error)


def test_what_no_column_of_ours_holds_is_damage() -> None:
    for error in (ValueError("9" * 9000), TypeError("no number"), RecursionError("too deep")):
        assert len(told(error)) < 300


def test_other_errors_pass() -> None:
    for error in (DataError("no images"), KeyboardInterrupt(), OSError("gone")):
        with pytest.raises(type(error)), explained(FILE, "delete it"):
            raise error


def test_a_file_that_another_program_reads_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    reader, writer = (sqlite3.connect(path, timeout=0) for _ in range(2))
    with writer:
        writer.execute("CREATE TABLE numbers (number INTEGER)")
        writer.executemany("INSERT INTO numbers VALUES (?)", [(1,), (2,)])
    reading = reader.execute("SELECT * FROM numbers")
    assert next(reading) == (1,)
    with pytest.raises(RunError, match="in use by another program"), explained(path, ""), writer:
        writer.execute("DELETE FROM numbers")
    reading.close()


def test_a_checksum_tells_values_types_and_places_apart() -> None:
    rows = [(1, "a"), ("a", 1), (1.0, "a"), ("1", "a"), (None, "a"), (1, "a", None), (1, b"a")]
    assert len({checksum(*row) for row in rows}) == len(rows)
    assert checksum(1, "a") == checksum(1, "a")


def test_a_damaged_structure_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE numbers (number INTEGER, name TEXT UNIQUE)")
        connection.executemany("INSERT INTO numbers VALUES (?, ?)", [(1, "one"), (2, "two")])
        check_structure(connection)
    path.write_bytes(path.read_bytes().replace(b"two", b"twa", 1))  # in the table or its index
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="index"),
    ):
        check_structure(connection)
