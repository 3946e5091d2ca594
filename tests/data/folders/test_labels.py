import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.data.folders.labels import read_labels
from evo_nas.errors import DataError


def read(stored, names=None):
    labels, classes = read_labels(stored, names, "label", "here")
    assert labels.dtype == np.int64
    return labels.tolist(), classes


@pytest.mark.parametrize(
    ("stored", "names", "expected"),
    [
        ([7, 3, 7, 100], None, ([1, 0, 1, 2], ("3", "7", "100"))),
        (["owl", "cat", "owl"], None, ([1, 0, 1], ("cat", "owl"))),
        ([True, False], None, ([1, 0], ("False", "True"))),
        ([2.0, 0.0, 1.0], None, ([2, 0, 1], ("0", "1", "2"))),
        ([[0, 1, 0], [1, 0, 0], [0, 1, 0]], None, ([1, 0, 1], ("0", "1"))),
        ([[0.0, 1.0], [1.0, 0.0]], None, ([1, 0], ("0", "1"))),
        ([["cat"], ["owl"]], None, ([0, 1], ("cat", "owl"))),
        ([2, 0, 2], ["a", "b", "c"], ([1, 0, 1], ("a", "c"))),
        ([[1], [0]], ["a", "b"], ([1, 0], ("a", "b"))),
        ([-1, None], ["a", "b"], ([-1, -1], ())),
        ([float("nan"), float("nan")], None, ([-1, -1], ())),
    ],
)
def test_labels_of_every_kind(stored, names, expected):
    assert read(stored, names) == expected


@pytest.mark.parametrize(
    ("stored", "names", "message"),
    [
        ([0, 1, -1], None, r"row 2 of here has no label \(label: -1\); remove such rows"),
        (["a", None, "b"], None, r"row 1 of here has no label \(label: None\)"),
        (["a", "", "b"], None, "row 1 of here has no label"),
        ([0.0, 0.5], None, "row 1 of here, label: 0.5 is no class; round the labels"),
        ([[1, 0], [1, 1]], None, r"row 1 of here, label: \[1, 1\] names 2 classes"),
        ([[1, 0], [0, 0]], None, "row 1 of here.* names 0 classes"),
        ([[1, 0], [0, 3]], None, "is no list of zeros with a single one"),
        ([[0, 1], [1, 0]], ["a", "b"], r"row 0 of here, label: \[0, 1\] is no class"),
        ([[0], [1, 2]], None, "is no class"),
        ([0, 3], ["a", "b"], "row 1 of here, label: 3 is none of the 2 class names"),
        ([b"x", b"y"], None, "is no class; give numbers, texts"),
        ([{"id": 1}, {"id": 2}], None, "is no class; give numbers, texts"),
        ([[[0, 1]], [[1, 0]]], None, "is no class; give numbers, texts"),
        ([0, 1], ["a", "a"], "two classes have one name"),
    ],
)
def test_what_is_no_label_is_refused(stored, names, message):
    with pytest.raises(DataError, match=message):
        read(stored, names)


@given(st.lists(st.integers(0, 50) | st.integers(10**12, 10**12 + 9), min_size=1))
def test_every_label_names_its_own_value(stored):
    labels, classes = read(stored)
    assert [int(classes[label]) for label in labels] == stored
    assert list(classes) == sorted(set(classes), key=int)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_texts_are_their_own_classes(stored):
    labels, classes = read(stored)
    assert [classes[label] for label in labels] == stored
