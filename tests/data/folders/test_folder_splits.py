import pytest

from evo_nas.data.folders.folder_splits import find_folder_splits
from evo_nas.errors import DataError


def tree(root, text):
    """Make an empty file for each path."""
    for name in text.split():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root, text):
    splits = find_folder_splits(tree(root, text))
    held_out = {split.name: split.labelled for split in splits.held_out}
    return str(splits.train.paths[0].relative_to(root)), held_out, splits.notes


@pytest.mark.parametrize(
    ("files", "train", "held_out"),
    [
        ("a/1.png b/1.png", ".", {}),
        ("Training/a/1.png Training/b/1.png Testing/a/1.png", "Training", {"Testing": True}),
        ("TRAIN/a/1.png TRAIN/b/1.png valid/a/1.png", "TRAIN", {"valid": True}),
        ("seg_train/a/1.jpg seg_train/b/1.jpg seg_test/a/1.jpg", "seg_train", {"seg_test": True}),
        ("train/a/1.png train/b/1.png test/1.png", "train", {"test": False}),
        ("x/y/train/a/1.png x/y/train/b/1.png", "x/y/train", {}),
        ("x/a/1.png x/b/1.png __MACOSX/x/a/._1.png readme.md", "x", {}),
        ("train/1.png plane/1.png car/1.png", ".", {}),
        ("test/1.png val/1.png leaf/1.png", ".", {}),
        ("train/train/a/1.png train/train/b/1.png", "train/train", {}),
        ("train/a/1.png train/b/1.png test/unknown/1.png", "train", {"test": False}),
        ("train/a/1.png train/b/1.png test/test/1.png", "train", {"test": False}),
        ("train/a/1.png train/b/1.png test/a/1.png", "train", {"test": True}),
        ("train/a/1.png train/b/1.png test/c/1.png", "train", {"test": True}),
        ("train/a/1.png train/b/1.png train/1.png", "train", {}),
        ("train/a/1.heic train/b/1.png labels/1.txt", "train", {}),
    ],
)
def test_where_splits_are(tmp_path, files, train, held_out):
    assert found(tmp_path, files)[:2] == (train, held_out)


def test_folders_within_splits_are_gone_through(tmp_path):
    files = "{0}/{0}/a/1.png {0}/{0}/b/1.png {1}/images/a/1.png {1}/images/b/1.png {2}/a/c/1.png"
    tree(tmp_path, (files + " {2}/a/d/1.png").format("seg_train", "seg_val", "seg_test"))
    splits = find_folder_splits(tmp_path)
    assert [split.paths[0] for split in (splits.train, *splits.held_out)] == [
        tmp_path / inside for inside in ("seg_train/seg_train", "seg_test", "seg_val/images")
    ]


def test_what_is_no_split_is_said(tmp_path):
    files = "train/a/1.png train/b/1.png test/a/1.png extra/1.png train_old/a/1.png"
    train, _, notes = found(tmp_path, files)
    assert train == "train"
    assert notes == tuple(
        f"{tmp_path / name} is left out: it is no split" for name in ("extra", "train_old")
    )


def test_folders_in_all_classes_are_said_to_be_none(tmp_path):
    notes = found(tmp_path, "fold1/a/1.png fold1/b/1.png fold2/a/1.png fold2/b/1.png")[2]
    assert notes == ("fold1, fold2 are the classes, not a, b in each of them",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("train/x/1.png plane/1.png car/1.png", "is 'train' a class or the training split?"),
        ("train/1.png test/1.png", "train has pictures in no class folders; make train/CLASS"),
        (
            "train/1.png train/metadata.csv test/1.png",
            "folders \\(metadata.csv is not read\\); make",
        ),
        ("train/1.png test/1.png car/1.png", "train has pictures in no class folders"),
        ("val/a/1.png test/a/1.png", "has test, val, but no training split"),
        ("images/a/1.png test/a/1.png", "hold folders of the same names; .*, call the folder to"),
        ("Train/a/1.png train/a/1.png", "several folders to train on, Train, train; keep one"),
    ],
)
def test_what_may_be_classes_or_splits_is_refused(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        found(tmp_path, files)
