import contextlib
import sqlite3

import pytest

from evo_nas.core.sqlite import check_structure, checksum


def test_a_checksum_tells_values_types_and_places_apart():
    rows = [(1, "a"), ("a", 1), (1.0, "a"), ("1", "a"), (None, "a"), (1, "a", None), (1, b"a")]
    assert len({checksum(*row) for row in rows}) == len(rows)
    assert checksum(1, "a") == checksum(1, "a")


def test_a_damaged_structure_is_noticed(tmp_path):
    path = tmp_path / "file.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE numbers (number INTEGER, name TEXT UNIQUE)")
        connection.executemany("INSERT INTO numbers VALUES (?, ?)", [(1, "one"), (2, "two")])
        check_structure(connection)
    path.write_bytes(path.read_bytes().replace(b"two", b"twa", 1))  # in the table or its index
    with (
        contextlib.closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="index"),
    ):
        check_structure(connection)
