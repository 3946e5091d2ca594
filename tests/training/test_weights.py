import json

import pytest
import torch

from evo_nas.errors import CheckpointError
from evo_nas.space.space import Geometry
from evo_nas.training.weight_files import save_weights
from evo_nas.training.weights import (
    describe_weights,
    read_count,
    read_description,
    read_measured,
    read_notes,
)

DEEP = "[" * 100_000


def weights(path, **metadata):
    """A file of weights that says this."""
    save_weights(path, {"a": torch.zeros(1)}, metadata)
    return path


class Channels:
    mean, std = (0.5,), (0.25,)


def test_what_was_described_is_read_back(tmp_path):
    about = describe_weights("mine", (1, 2), Geometry(8, 1, 10), Channels(), ["a", "b"])
    found = read_description(weights(tmp_path / "net", **about))
    assert (found.space, found.genome, found.geometry) == ("mine", (1, 2), Geometry(8, 1, 10))
    assert (found.mean, found.std, found.classes) == ((0.5,), (0.25,), ("a", "b"))
    assert read_description(weights(tmp_path / "other")) is None


@pytest.mark.parametrize("geometry", [[], 5, None, {"image_size": 8}])
def test_a_description_that_is_none_is_none(tmp_path, geometry):
    told = describe_weights("mine", (1, 2), Geometry(8, 1, 10), Channels())
    about = {**json.loads(told["architecture"]), "geometry": geometry}
    assert read_description(weights(tmp_path / "net", architecture=json.dumps(about))) is None
    assert read_description(weights(tmp_path / "net", architecture=DEEP)) is None
    assert read_measured(weights(tmp_path / "net", measured=DEEP)) == {}


def test_notes_and_numbers_of_a_training(tmp_path):
    path = weights(tmp_path / "net", notes='["slower"]', seed="12")
    assert read_notes(path) == ["slower"]
    assert read_count(path, "seed") == 12
    assert read_notes(weights(path)) == []


@pytest.mark.parametrize("notes", ["", "{}", "[1]", "null", DEEP])
def test_notes_that_are_none_name_the_file(tmp_path, notes):
    with pytest.raises(CheckpointError, match="net: notes in the metadata cannot be '") as caught:
        read_notes(weights(tmp_path / "net", notes=notes))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "\u0663", "9" * 5000])
def test_numbers_that_are_none_name_the_file(tmp_path, seed):
    with pytest.raises(CheckpointError, match="net: seed in the metadata cannot be '"):
        read_count(weights(tmp_path / "net", seed=seed), "seed")
    with pytest.raises(CheckpointError, match="net: seed in the metadata cannot be None"):
        read_count(weights(tmp_path / "net"), "seed")
