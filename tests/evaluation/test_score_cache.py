import contextlib
import sqlite3

import pytest

from evo_nas.errors import CheckpointError
from evo_nas.evaluation.score_cache import ScoreCache

GENOMES = [(i, i % 3) for i in range(1200)]
ONE, OTHER = (1, 2), (3, 4)
SCORES = {ONE: {"accuracy": 0.5}, OTHER: {"accuracy": 0.25}}


def made(path):
    """A file with two scores."""
    cache = ScoreCache(path, "weights")
    cache.put(SCORES)
    cache.close()


def change(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_what_was_put_is_found_by_genome_and_key(tmp_path):
    cache = ScoreCache(tmp_path / "scores.sqlite", "weights")
    scores = {genome: {"accuracy": 1 / (1 + genome[0]), "loss": 0.1} for genome in GENOMES}
    cache.put(scores)
    cache.close()
    again = ScoreCache(tmp_path / "scores.sqlite", "weights")
    assert again.get([*GENOMES, (5000, 0)]) == scores
    assert again.get([]) == {}
    assert ScoreCache(tmp_path / "scores.sqlite", "other").get(GENOMES) == {}


def test_two_runs_may_write_at_once_and_the_first_score_stays(tmp_path):
    first, second = (ScoreCache(tmp_path / "scores.sqlite", "weights") for _ in range(2))
    first.put({(1,): {"accuracy": 0.5}})
    second.put({(1,): {"accuracy": 0.7}, (2,): {"accuracy": 0.6}})
    for cache in (first, second):
        assert cache.get([(1,), (2,)]) == {(1,): {"accuracy": 0.5}, (2,): {"accuracy": 0.6}}


@pytest.mark.parametrize(
    "damage",
    [
        """metrics = '{"accuracy": 0.7}'""",
        "genome = '[1, 3]'",
        "key = 'another'",
        "checksum = 7",
        "checksum = NULL",
    ],
)
def test_a_score_that_is_not_what_was_written_is_forgotten_and_that_is_said_once(tmp_path, damage):
    path, told = tmp_path / "scores.sqlite", []
    made(path)
    change(path, f"UPDATE scores SET {damage} WHERE genome = '[1, 2]'")
    for _ in range(2):
        cache = ScoreCache(path, "weights", again=told.append)
        assert cache.get([ONE, OTHER, (1, 3)]) == {OTHER: SCORES[OTHER]}
        cache.close()
    assert len(told) == 1
    assert told[0].startswith(f"{path}: 1 of 2 scores are damaged")
    cache = ScoreCache(path, "weights", again=told.append)
    cache.put(SCORES)
    assert cache.get([ONE, OTHER]) == SCORES


def test_where_a_value_cannot_be_had_again_it_is_an_error(tmp_path):
    path = tmp_path / "limits.sqlite"
    made(path)
    change(path, """UPDATE scores SET metrics = '{"accuracy": 0.7}' WHERE genome = '[1, 2]'""")
    for key in ("weights", "other"):
        with pytest.raises(CheckpointError, match=r"limits\.sqlite is damaged \(1 of 2 rows are"):
            ScoreCache(path, key)


@pytest.mark.parametrize(
    ("again", "advice"),
    [(print, "delete the file, its scores can be"), (None, "restore it from a copy, or start a")],
)
def test_a_damaged_file_is_named(tmp_path, again, advice):
    path = tmp_path / "scores.sqlite"
    path.write_bytes(b"garbage" * 999)
    with pytest.raises(CheckpointError, match=rf"scores\.sqlite is damaged .*; {advice}"):
        ScoreCache(path, "weights", again)
    path.unlink()
    made(path)
    change(path, "PRAGMA user_version = 9")
    with pytest.raises(CheckpointError, match=rf"it is of version 9, not 1\); {advice}"):
        ScoreCache(path, "weights", again)
