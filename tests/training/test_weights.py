import json

import pytest
import torch

from evo_nas.errors import CheckpointError
from evo_nas.space.space import Geometry
from evo_nas.training.weights import (
    Count,
    Delivered,
    describe_weights,
    read_description,
    read_state_dict,
    read_told,
    save_weights,
)

DEEP = "[" * 100_000
ABOUT = Delivered("mine", (1, 2), Geometry(8, 1, 10), (0.5,), (0.25,), ("a", "b"))


def weights(path, **metadata):
    """A file of weights that says this."""
    save_weights(path, {"a": torch.zeros(1)}, metadata)
    return path


def test_what_was_described_is_read_back(tmp_path):
    assert read_description(weights(tmp_path / "net", **describe_weights(ABOUT))) == ABOUT
    assert read_description(weights(tmp_path / "other")) is None


def test_weights_are_read_whatever_the_length_of_their_header(tmp_path):
    lengths = set()
    for padding in range(0, 600, 8):
        path = weights(tmp_path / "net", note="n" * padding)
        lengths.add(path.read_bytes()[:2])
        assert read_state_dict(path).keys() == {"a"}
    assert b"\x80\x02" in lengths  # as a pickle begins


def test_notes_and_numbers_of_a_training(tmp_path):
    path = weights(tmp_path / "net", notes='["slower"]', seed="12")
    assert read_told(path, "notes", list[str]) == ["slower"]
    assert read_told(path, "seed", Count) == 12
    assert read_told(weights(path), "notes", list[str], "[]") == []


@pytest.mark.parametrize(
    ("key", "kind", "texts"),
    [
        ("notes", list[str], ["", "{}", "[1]", "null", DEEP]),
        ("seed", Count, ["", "-1", "1.5", "\u0663", "9" * 5000, None]),
        ("architecture", Delivered, ["{}", DEEP]),
    ],
)
def test_what_no_training_says_is_refused_with_the_file(tmp_path, key, kind, texts):
    for text in texts:
        path = weights(tmp_path / "net", **({} if text is None else {key: text}))
        with pytest.raises(CheckpointError, match=f"net: {key} in the metadata cannot") as caught:
            read_told(path, key, kind)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("key", "value"),
    [("geometry", []), ("geometry", 5), ("geometry", {"image_size": 8}), ("genome", ["a"]),
     ("mean", [2.0]), ("std", [float("nan")]), ("space", None)],
)  # fmt: skip
def test_a_description_of_another_kind_is_refused(tmp_path, key, value):
    about = json.loads(describe_weights(ABOUT)["architecture"]) | {key: value}
    with pytest.raises(CheckpointError, match="architecture in the metadata cannot be"):
        read_description(weights(tmp_path / "net", architecture=json.dumps(about)))
