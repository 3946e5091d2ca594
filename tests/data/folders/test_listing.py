import pytest

from evo_nas.core.plugins import registry
from evo_nas.errors import DataError
from tests.kit.images import COLOURS, write_pictures


@pytest.fixture
def folder(tmp_path):
    return write_pictures(tmp_path, 6, sizes=[(8, 8)], ending="png")


def lines(folder, head="path,label", more=lambda number: ""):
    rows = [f"{n}/{i:03}.png,{n}{more(i)}" for n in COLOURS for i in range(6)]
    (folder / "labels.csv").write_text("\n".join([head, *rows]))
    return registry.load("data", f"{folder / 'labels.csv'}")


def test_a_table_of_paths_gives_the_images_of_the_same_class_folders(folder):
    table, folders = lines(folder), registry.load("data", str(folder))
    found, expected = table.load(0), folders.load(0)
    assert found.classes == expected.classes
    assert found.train.pixels.equal(expected.train.pixels)
    assert table.test().labels.equal(folders.test().labels)


def test_a_column_says_the_split(folder):
    table = lines(folder, "file,class,split", lambda i: ",test" if i > 3 else ",train")
    assert len(table.test()) == 6
    assert len(table.load(0).train) + len(table.load(0).validation) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no lines below its names of columns"),
        ("path,label\nq.png,1\n", "line 2: there is no file q.png"),
        ("a,b\napple/001.png,1\n", "which column is the image is not clear"),
        ("path,label\napple/001.png,1\napple/001.png,2\n", "line 3: apple/001.png has two labels"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(folder, text, message):
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        registry.load("data", str(folder / "labels.csv")).load(0)
