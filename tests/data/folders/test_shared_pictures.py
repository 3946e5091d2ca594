import numpy as np

from evo_nas.data.folders import shared_pictures as module
from evo_nas.data.folders.class_folders import list_folder
from evo_nas.data.folders.shared_pictures import shared_pictures


def tables(root):
    """Two splits of six files; two of the second are copies, one of them under another class."""
    for split, content in (
        ("train", {"a/1": b"one", "a/2": b"two", "a/3": b"three", "b/1": b"four", "b/2": b"five"}),
        ("test", {"a/1": b"six", "a/2": b"three", "b/1": b"owt", "b/2": b"two", "b/3": b"seven"}),
    ):
        for name, body in content.items():
            (root / split / name).parent.mkdir(parents=True, exist_ok=True)
            (root / split / f"{name}.png").write_bytes(body)
    found = {split: list_folder(root / split) for split in ("train", "test")}
    return {split: (table, np.arange(len(table))) for split, table in found.items()}


def test_the_same_bytes_in_two_splits_are_told(tmp_path):
    (told,) = shared_pictures(tables(tmp_path))
    train, test = tmp_path / "train", tmp_path / "test"
    assert told == (
        f"2 of 5 test pictures stand in the train split too, such as {test}/a/2.png is "
        f"{train}/a/3.png"
    )
    first = tables(tmp_path)
    first["test"] = (first["test"][0], np.array([3]))
    assert shared_pictures(first) == [
        f"1 of 1 test pictures stand in the train split too, such as {test}/b/2.png is "
        f"{train}/a/2.png under another class, 'b' instead of 'a'"
    ]
    assert shared_pictures({"train": first["train"]}) == []


def test_only_so_many_are_read_and_that_is_said(tmp_path, monkeypatch):
    splits = tables(tmp_path)
    monkeypatch.setattr(module, "MOST_BYTES", 12)
    *_, told = shared_pictures(splits)
    assert told.startswith("whether pictures stand in two splits was looked at for ")
    assert told.endswith("of 8 that have as many bytes as one of another split")
