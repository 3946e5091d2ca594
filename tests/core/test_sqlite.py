import sqlite3
from pathlib import Path

import pytest

from evo_nas.core.sqlite import explained
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
