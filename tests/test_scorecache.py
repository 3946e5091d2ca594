import pytest

from evo_nas.errors import CheckpointError
from evo_nas.scorecache import ScoreCache

GENOMES = [(i, i % 3) for i in range(1200)]


def test_what_was_put_is_found_by_genome_and_key(tmp_path):
    cache = ScoreCache(tmp_path / "scores.sqlite", "weights")
    scores = {genome: {"accuracy": 1 / (1 + genome[0]), "loss": 0.1} for genome in GENOMES}
    cache.put(scores)
    cache.close()
    again = ScoreCache(tmp_path / "scores.sqlite", "weights")
    assert again.get([*GENOMES, (5000, 0)]) == scores
    assert again.get([]) == {}
    assert ScoreCache(tmp_path / "scores.sqlite", "other").get(GENOMES) == {}


def test_the_first_score_stays(tmp_path):
    cache = ScoreCache(tmp_path / "scores.sqlite", "weights")
    cache.put({(1,): {"accuracy": 0.5}})
    cache.put({(1,): {"accuracy": 0.7}, (2,): {"accuracy": 0.1}})
    assert cache.get([(1,), (2,)]) == {(1,): {"accuracy": 0.5}, (2,): {"accuracy": 0.1}}


def test_two_runs_may_write_at_once(tmp_path):
    first, second = (ScoreCache(tmp_path / "scores.sqlite", "weights") for _ in range(2))
    first.put({(1,): {"accuracy": 0.5}})
    second.put({(2,): {"accuracy": 0.6}})
    assert first.get([(1,), (2,)]) == second.get([(1,), (2,)])


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "scores.sqlite").write_bytes(b"garbage" * 999)
    with pytest.raises(CheckpointError, match=r"scores.sqlite cannot be used .*delete the file"):
        ScoreCache(tmp_path / "scores.sqlite", "weights")
