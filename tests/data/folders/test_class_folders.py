import os
import pickle

import pytest

from evo_nas.data.folders.class_folders import list_folder
from evo_nas.errors import DataError
from tests.kit.images import digest, encoded, picture, write_pictures


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
        (["a/1.png", "b/1.txt"], "has pictures in 1 class folder, a; make one folder for each of"),
    ],
)
def test_fewer_than_two_classes_are_refused(tmp_path, names, message):
    make(tmp_path, *names)
    with pytest.raises(DataError, match=message):
        list_folder(tmp_path)


def test_pictures_without_an_ending_are_known_by_their_content(tmp_path):
    make(tmp_path, "b/1.png", "b/2.png", "a/notes.txt")
    (tmp_path / "a" / "1").write_bytes(encoded(picture((1, 2, 3))))
    (tmp_path / "a" / "LICENSE").write_bytes(b"text")
    table = list_folder(tmp_path)
    assert [table.picture(row)[0] for row in range(3)] == [
        f"{tmp_path}/{name}" for name in ("a/1", "b/1.png", "b/2.png")
    ]
    assert table.left_out == {".txt": 1, "without an ending": 1}


def test_what_is_left_out_is_counted(tmp_path):
    make(tmp_path, "a/1.png", "a/2.heic", "a/x/3.HEIC", "b/1.png", "b/1.xml", "loose.png")
    make(tmp_path, "labels/1.txt", "a/.hidden.png")
    (tmp_path / "empty").mkdir()
    table = list_folder(tmp_path)
    assert table.classes == ("a", "b")
    assert table.left_out == {".heic": 2, ".xml": 1, ".txt": 1, "pictures in no class folder": 1}
    assert table.notes == tuple(
        f"{tmp_path / name} is no class: it holds no pictures" for name in ("empty", "labels")
    )


@pytest.mark.parametrize("name", ["1.heic", "1.npy", "1", "1.svg"])
def test_a_class_of_pictures_that_cannot_be_read_is_refused(tmp_path, name):
    make(tmp_path, "a/1.png", "b/1.png", f"c/{name}", "c/notes.txt")
    told = os.path.splitext(name)[1] or "without an ending"
    with pytest.raises(DataError, match=f"class folder .*/c holds no picture .* 1 {told}; convert"):
        list_folder(tmp_path)


def test_accents_are_the_same_however_they_are_written(tmp_path):
    make(tmp_path / "one", "gro\u0308n/1.png", "b/1.png")
    make(tmp_path / "other", "gr\u00f6n/1.png", "b/1.png")
    assert list_folder(tmp_path / "one").classes == list_folder(tmp_path / "other").classes
