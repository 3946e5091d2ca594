import pytest

from evo_nas.data.folders.parquet import has_labels, open_parquet
from evo_nas.errors import DataError
from tests.kit.images import encoded, picture, write_parquet

datasets = pytest.importorskip("datasets")
CONTENT = encoded(picture((9, 99, 9)))
WIDTHS = [16, 32] * 6


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write(path, **columns):
    """A table of twelve rows as pandas would write it."""
    import pyarrow
    from pyarrow import parquet

    columns = {"image": [{"bytes": CONTENT, "path": None}] * 12} | columns
    parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("columns", "label", "classes"),
    [
        ({"width": WIDTHS, "label": ["cat", "dog", "owl"] * 4}, "label", ("cat", "dog", "owl")),
        ({"width": WIDTHS, "Class": [0.0, 1.0, 2.0] * 4}, "Class", ("0", "1", "2")),
        ({"kind": [5, 6, 7] * 4, "file": [f"{n}.png" for n in range(12)]}, "kind", tuple("567")),
        ({"id": range(12), "species": ["elm", "oak"] * 6}, "species", ("elm", "oak")),
        ({"label": [[0, 1], [1, 0]] * 6}, "label", ("0", "1")),
        ({"label": [True, False] * 6}, "label", ("False", "True")),
    ],
)
def test_the_label_is_the_column_that_can_be_meant(tmp_path, columns, label, classes):
    table = open_parquet([write(tmp_path / "train.parquet", **columns)])
    assert (table.column, table.label, table.classes) == ("image", label, classes)
    stored = list(columns[label])
    named = [table.classes[number] for number in table.labels]
    if not isinstance(stored[0], list):
        assert [
            type(stored[0])(float(n)) if isinstance(stored[0], float) else n for n in named
        ] == [each if isinstance(each, float) else str(each) for each in stored]
    else:
        assert named == [str(each.index(1)) for each in stored]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"width": WIDTHS, "species": ["elm", "oak", "fir"] * 4},
            "may be the label, width, specie",
        ),
        ({"label": WIDTHS, "class": ["a", "b", "c"] * 4}, "may be the label, label, class"),
        ({"id": range(12)}, "has no labels"),
        ({"label": [[0, 1], [1, 1]] * 6}, "row 1 of .* names 2 classes"),
        ({"label": [0.5, 1.5] * 6}, "row 0 of .* 0.5 is no class"),
        ({"image": ["a.png"] * 12, "label": WIDTHS}, "has no column of pictures"),
        ({"thumb": [CONTENT] * 12, "image": [CONTENT] * 12, "label": WIDTHS}, "may be the image"),
    ],
)
def test_several_that_may_be_meant_or_none_are_refused(tmp_path, columns, message):
    with pytest.raises(DataError, match=message):
        open_parquet([write(tmp_path / "train.parquet", **columns)])


@pytest.mark.parametrize("options", [(), ("image", "label")])
def test_pictures_may_be_bytes_alone(tmp_path, options):
    path = write(tmp_path / "train.parquet", image=[CONTENT] * 11 + [None], label=WIDTHS)
    table = open_parquet([path], *options)
    assert table.picture(3) == (f"row 3 of {path}", CONTENT)
    assert table.bytes_of([0, 11]).tolist() == [len(CONTENT), 0]


def test_a_named_column_that_holds_no_pictures_is_refused(tmp_path):
    path = write(tmp_path / "train.parquet", label=WIDTHS)
    with pytest.raises(DataError, match="column 'label' holds int64, no pictures as bytes"):
        open_parquet([path], "label")
    with pytest.raises(DataError, match="column 'image' holds pictures, no labels"):
        open_parquet([path], None, "image")


def test_files_whose_labels_mean_something_else_are_refused(tmp_path):
    paths = [tmp_path / "train-0.parquet", tmp_path / "train-1.parquet"]
    write(paths[0], label=["cat", "dog"] * 6)
    write(paths[1], label=[0, 1] * 6)
    with pytest.raises(DataError, match=r"train-1\.parquet: labels in column 'label' are not of"):
        open_parquet(paths)
    rows = [{"bytes": CONTENT, "path": None}] * 2
    for path, names in zip(paths, ("ab", "ba"), strict=True):
        write_parquet(path, rows, [0, 1], names=names)
    with pytest.raises(DataError, match="or have not the same class names, as in"):
        open_parquet(paths)


def test_whether_there_are_labels_is_seen_without_pictures(tmp_path):
    labelled = write(tmp_path / "a.parquet", label=[-1] * 11 + [3])
    bare = write(tmp_path / "b.parquet", label=[-1] * 12)
    assert has_labels([bare, labelled], "label")
    assert not has_labels([bare], "label")
    assert not has_labels([labelled], "kind")
