import shutil

import pytest

from evo_nas.data.folders.image_folder import ImageFolder
from evo_nas.errors import DataError
from tests.kit.images import write_pictures


def test_a_test_split_may_lack_all_classes_but_one(tmp_path):
    for name in ("train", "test"):
        write_pictures(tmp_path / name, 4, sizes=[(8, 8)], ending="png")
    for name in ("apple", "sky"):
        shutil.rmtree(tmp_path / "test" / name)
    source = ImageFolder(tmp_path)
    assert source.test().labels.tolist() == [1] * 4
    notes = source.inventory(source.load(0)).notes
    assert "the test split has no image of classes 'apple', 'sky'" in notes


@pytest.mark.parametrize(
    ("link", "target", "message"),
    [
        (
            "apple/x.png",
            "nowhere.png",
            "apple/x.png cannot be read \\(No such file or directory\\)",
        ),
        ("apple/x", "..", "apple/x cannot be read \\(it leads to a folder that it is in\\)"),
        ("apple/x", ".", "apple/x cannot be read \\(it leads to a folder that it is in\\)"),
    ],
)
def test_links_that_lead_nowhere_are_named(tmp_path, link, target, message):
    write_pictures(tmp_path, 4, sizes=[(8, 8)], ending="png")
    (tmp_path / link).symlink_to(target)
    with pytest.raises(DataError, match=message):
        ImageFolder(tmp_path).load(0)
