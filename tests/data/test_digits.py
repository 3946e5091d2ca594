import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from evo_nas.core.devices import torch_threads
from evo_nas.core.plugins import registry
from evo_nas.data.digits import Digits, _read_originals
from evo_nas.data.source import DataSource, check_images
from evo_nas.errors import SpecError

SMALL = {"train": 400, "validation": 100, "test": 100}


@pytest.fixture(scope="module")
def digits():
    return Digits(**SMALL)


def test_default_sizes():
    source = Digits()
    data = source.load(0)
    assert isinstance(source, DataSource)
    assert (len(data.train), len(data.validation), len(source.test())) == (4000, 1000, 1000)
    assert data.train.pixels.shape[1:] == (1, 8, 8)
    assert data.classes == tuple("0123456789")
    assert len(data.validation_rows) == 300
    check_images(source.test(), data.classes, "test")


def test_the_originals_are_scikit_learns():
    originals = load_digits()
    pixels, labels = _read_originals()
    assert np.array_equal(pixels, originals.images)
    assert np.array_equal(labels, originals.target)


def test_a_seed_gives_the_same_images_whatever_the_threads(digits):
    first = digits.load(5).fingerprint
    for threads in (1, 2):
        with torch_threads(threads):
            assert Digits(**SMALL).load(5).fingerprint == first
    other = digits.load(6)
    assert other.fingerprint != first
    assert set(other.validation_rows) != set(digits.load(5).validation_rows)


def test_the_test_images_are_the_same_for_every_seed_and_number_of_training_images(digits):
    expected = digits.test()
    digits.load(1)
    again = Digits(train=50, validation=20, test=100).test()
    assert torch.equal(expected.pixels, again.pixels)
    assert torch.equal(expected.labels, again.labels)


def test_no_original_is_in_two_splits():
    # Rendered without any change, each picture is an original.
    source = Digits(train=4000, validation=1000, test=1000, shift=0, rotation=0, zoom=0, noise=0)
    data = source.load(2)
    splits = [
        {picture.numpy().tobytes() for picture in images.pixels}
        for images in (data.train, data.validation, source.test())
    ]
    assert [len(split) for split in splits] == [1197, 300, 300]
    assert len(set.union(*splits)) == 1797


def test_renderings_vary_but_stay_recognisable(digits):
    data = digits.load(0)
    assert data.train.pixels.float().std() > 50
    means = np.stack([data.train.pixels[data.train.labels == c].float().mean(0) for c in range(10)])
    differences = data.validation.pixels.float().numpy()[:, None] - means[None]
    guesses = (differences**2).sum((2, 3, 4)).argmin(1)
    accuracy = (guesses == data.validation.labels.numpy()).mean()
    assert 0.4 < accuracy < 0.95  # the nearest mean tells much, not all


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("train=5", "train=5 must be a whole number, 10 or more, 1000000 or less"),
        ("test=20.5", "test=20.5 must be"),
        ("noise=loud", "noise='loud' must be a number, 0 or more"),
        ("rotation=-1", "rotation=-1 must be a number"),
        ("zoom=1", "zoom=1 must be a number, 0 or more, below 1"),
    ],
)
def test_senseless_options_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        registry.load("data", f"digits?{options}")
