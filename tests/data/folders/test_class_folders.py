import os
import pickle

import pytest

from evo_nas.data.folders.class_folders import list_folder
from evo_nas.errors import DataError
from tests.kit.images import digest, write_pictures


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * len(name))


def test_pictures_are_listed_class_by_class(tmp_path):
    make(tmp_path, "b/2.png", "b/1.JPEG", "a/deep/3.jpg", "a/deep/er/4.webp", "a/0.png")
    make(tmp_path, "b/notes.txt", "b/.hidden.png", ".git/x.png", "loose.png", "empty/readme.md")
    table = list_folder(tmp_path)
    assert table.classes == ("a", "b")
    assert table.labels.tolist() == [0, 0, 0, 1, 1]
    expected = ["a/0.png", "a/deep/3.jpg", "a/deep/er/4.webp", "b/1.JPEG", "b/2.png"]
    assert [table.picture(row) for row in range(5)] == [(f"{tmp_path}/{e}",) * 2 for e in expected]
    assert table.sizes.tolist() == [len(name) for name in expected]
    assert table.place == str(tmp_path)


def test_names_in_any_script_or_none(tmp_path):
    make(tmp_path, "Käfer/großer käfer.png", "猫/ねこ.png", "c/1.png")
    odd = os.path.join(os.fsencode(tmp_path), b"c", b"\xff\xfe.png")
    try:
        with open(odd, "wb"):
            pass
    except OSError:
        pytest.skip("this file system wants UTF-8")
    table = list_folder(tmp_path)
    assert table.classes == ("Käfer", "c", "猫")
    assert all(os.path.exists(table.picture(row)[1]) for row in range(len(table)))
    assert len(pickle.loads(pickle.dumps(table))) == 4


def test_links_are_followed(tmp_path):
    write_pictures(tmp_path / "real", 2)
    (tmp_path / "linked").mkdir()
    for name in ("apple", "sky"):
        (tmp_path / "linked" / name).symlink_to(tmp_path / "real" / name)
    assert len(list_folder(tmp_path / "linked")) == 4


def test_the_digest_follows_names_sizes_and_rows(tmp_path):
    make(tmp_path, "a/1.png", "a/2.png", "b/1.png")
    table = list_folder(tmp_path)
    digests = {digest(table, [0, 1, 2]), digest(table, [0, 2]), digest(table, [1, 0, 2])}
    assert digest(list_folder(tmp_path), [0, 1, 2]) in digests
    (tmp_path / "a/1.png").write_bytes(b"longer")
    digests.add(digest(list_folder(tmp_path), [0, 1, 2]))
    (tmp_path / "a/1.png").rename(tmp_path / "a/0.png")
    digests.add(digest(list_folder(tmp_path), [0, 1, 2]))
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has pictures in no class folders"),
        (["1.png", "2.png"], "has pictures in no class folders"),
        (["a/1.png", "b/1.txt"], "has pictures in 1 class folder; make one folder for each of"),
    ],
)
def test_fewer_than_two_classes_are_refused(tmp_path, names, message):
    make(tmp_path, *names)
    with pytest.raises(DataError, match=message):
        list_folder(tmp_path)
