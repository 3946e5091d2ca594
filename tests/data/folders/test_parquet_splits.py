import pytest

from evo_nas.data.folders.parquet_splits import find_parquet_splits
from evo_nas.errors import DataError


def found(root, text):
    splits = find_parquet_splits(root, [root / f"{name}.parquet" for name in text.split()])
    return {
        split.name: [str(path.relative_to(root))[:-8] for path in split.paths]
        for split in (splits.train, *splits.held_out)
    }


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        ("train test", {"train": 1, "test": 1}),
        ("train-00001-of-00002 train-00000-of-00002 test-00000-of-00001", {"train": 2, "test": 1}),
        ("train-00000-of-00001-566cc9b19d7203f8 valid-0", {"train": 1, "valid": 1}),
        ("data/train-0 data/validation-0", {"train": 1, "validation": 1}),
        ("plain_text/train-00000-of-00001 plain_text/test-00000-of-00001", {"train": 1, "test": 1}),
        ("default/train/0000 default/train/0001 default/test/0000", {"train": 2, "test": 1}),
        ("train/0000 test/0000", {"train": 1, "test": 1}),
        ("train/train-0 test/test-0", {"train": 1, "test": 1}),
        ("mnist-train mnist-test-00000-of-00001", {"mnist-train": 1, "mnist-test": 1}),
        ("Train TEST", {"Train": 1, "TEST": 1}),
        ("train0 train1 train_part_2 test", {"train": 3, "test": 1}),
        ("data", {"data": 1}),
        ("0000 0001", {"": 2}),
        ("part-0 part-1", {"": 2}),
        ("cifar-00000-of-00002 cifar-00001-of-00002", {"cifar": 2}),
        ("train test extra", {"train": 1, "test": 1, "extra": 1}),
    ],
)
def test_files_of_splits(tmp_path, files, splits):
    assert {name: len(paths) for name, paths in found(tmp_path, files).items()} == splits


def test_shards_are_in_order(tmp_path):
    files = found(tmp_path, "train-00001-of-00002 train-00000-of-00002")
    assert files == {"train": ["train-00000-of-00002", "train-00001-of-00002"]}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("a b", "a.parquet, b.parquet, but not one split called train"),
        ("cifar10 cifar100", "but not one split called train"),
        ("test", "but not one split called train"),
        ("train_a train_b", "but not one split called train"),
        ("fine/train-0 coarse/train-0", "several sets of parquet files, in .*coarse, .*fine; name"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        found(tmp_path, files)
