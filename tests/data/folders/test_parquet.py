import hashlib
import pickle

import numpy as np
import pytest

from evo_nas.data.folders.parquet import open_parquet
from evo_nas.errors import DataError
from tests.kit.images import Image, digest, encoded, write_parquet

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def content(number):
    return encoded(Image.new("RGB", (4 + number, 4), (number, 0, 0)))


def write(path, numbers):
    rows = [{"bytes": content(number), "path": f"{number}.png"} for number in numbers]
    return write_parquet(path, rows, [number % 2 for number in numbers], names="ab", group=3)


def test_rows_of_several_files_and_groups_are_reached_in_any_order(tmp_path):
    paths = [write(tmp_path / "t-0.parquet", range(10)), write(tmp_path / "t-1.parquet", [10, 11])]
    table = open_parquet(paths)
    assert len(table) == 12
    assert table.classes == ("a", "b")
    assert table.labels.tolist() == [0, 1] * 6
    for row in (11, 0, 5, 10, 5):
        assert table.picture(row) == (f"row {row} of {tmp_path}", content(row))
    again = pickle.loads(pickle.dumps(table))
    assert again.picture(7) == table.picture(7)
    assert len(pickle.dumps(table)) < 10_000  # the file's name, not what is in it
    assert str(tmp_path / "cache") in table.place


def test_it_is_copied_once_and_again_when_it_changes(tmp_path):
    path = write(tmp_path / "train.parquet", range(6))
    open_parquet([path])
    copies = sorted((tmp_path / "cache").rglob("*.arrow"))
    times = [copy.stat().st_mtime_ns for copy in copies]
    assert digest(open_parquet([path]), range(6)) == digest(open_parquet([path]), range(6))
    assert [copy.stat().st_mtime_ns for copy in copies] == times
    assert sorted((tmp_path / "cache").rglob("*.arrow")) == copies
    write(path, range(8))
    assert len(open_parquet([path])) == 8


def test_the_digest_follows_sizes_and_rows(tmp_path):
    table = open_parquet([write(tmp_path / "train.parquet", range(9))])
    other = open_parquet([write(tmp_path / "other.parquet", [*range(8), 200])])
    digests = {digest(table, range(9)), digest(table, range(8)), digest(other, range(9))}
    assert len(digests) == 3
    assert digest(other, range(8)) in digests
    sizes = np.array([len(content(number)) for number in (2, 7)], dtype="<i8")
    assert digest(table, [2, 7]) == hashlib.sha256(sizes.tobytes()).hexdigest()


def test_a_row_without_a_picture_is_named_when_it_is_read(tmp_path):
    pictures = [{"bytes": content(1), "path": None}, None]
    table = open_parquet([write_parquet(tmp_path / "train.parquet", pictures, [0, 1])])
    assert table.picture(0)[1] == content(1)
    digest(table, range(2))
    with pytest.raises(DataError, match=r"row 1 of .*train\.parquet has no picture; remove the ro"):
        table.picture(1)


def test_a_row_may_hold_a_path_alone(tmp_path):
    file = tmp_path / "1.png"
    file.write_bytes(content(1))
    pictures = [{"bytes": None, "path": str(file)}] * 2
    table = open_parquet([write_parquet(tmp_path / "train.parquet", pictures, [0, 1])])
    assert table.picture(0) == (str(file), str(file))


def test_what_is_no_parquet_is_told(tmp_path):
    path = tmp_path / "train.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        open_parquet([path])
