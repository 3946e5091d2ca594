from dataclasses import replace

import numpy as np
import pytest
import torch

from evo_nas.data.images import Images, in_proportion
from evo_nas.data.inventory import inventory_of
from evo_nas.data.source import (
    DataSource,
    carve,
    channel_statistics,
    check_images,
    inventory,
    search_data,
)
from evo_nas.errors import DataError


def make_images(count=12, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 2, 4, 4), generator=generator, dtype=torch.uint8)
    return Images(pixels, torch.arange(count) % classes)


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("sizes", [(50, 50, 50), (90, 9, 2), (2, 2, 2), (100, 3)])
@pytest.mark.parametrize("part", [0.1, 0.5, 3])
def test_carving_keeps_proportions_and_every_class_on_both_sides(sizes, part):
    labels = generator().permutation(np.repeat(np.arange(len(sizes)), sizes))
    wanted = part if part >= 1 else max(len(sizes), round(part * len(labels)))
    kept, carved = carve(labels, part, generator(1))
    assert len(carved) == wanted
    assert sorted([*kept, *carved]) == list(range(len(labels)))
    inside = np.bincount(labels[carved], minlength=len(sizes))
    assert inside.min() >= 1
    assert np.bincount(labels[kept], minlength=len(sizes)).min() >= 1
    assert np.all(np.abs(inside - np.array(sizes) * wanted / len(labels)) <= len(sizes))
    assert np.array_equal(carve(labels, part, generator(1))[1], carved)


@pytest.mark.parametrize(
    ("labels", "part", "message"),
    [
        ([0, 1] * 5, 0, "validation=0: give a share between 0 and 1"),
        ([0, 1] * 5, float("inf"), "validation=inf: give a share between 0 and 1"),
        ([0, 1] * 5, float("nan"), "validation=nan: give a share between 0 and 1"),
        ([0, 1] * 5, 2.5, "validation=2.5: give a share between 0 and 1, or a whole number"),
        ([0, 1] * 5, 1, "1 of 10 images, but each of 2 classes needs one inside and one outside"),
        ([0, 1] * 5, 9, "9 of 10 images"),
        ([0, 0, 0, 0, 0, 1], 2, "of class 1 a single image is left"),
    ],
)
def test_carving_refuses_what_cannot_be_split(labels, part, message):
    with pytest.raises(DataError, match=message):
        carve(labels, part, generator())


def test_every_beginning_is_in_proportion():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    order = in_proportion(labels, generator())
    assert sorted(order) == list(range(100))
    assert sorted(labels[order[:3]]) == [0, 1, 2]
    assert np.all(np.abs(np.bincount(labels[order[:50]]) - [30, 15, 5]) <= 1)


def test_statistics_are_those_of_the_pixels():
    pixels = make_images().pixels
    mean, std = channel_statistics(pixels)
    shares = pixels.double() / 255
    assert mean == pytest.approx(shares.mean((0, 2, 3)).tolist())
    assert std == pytest.approx(shares.std((0, 2, 3), correction=0).tolist())
    flat = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    assert channel_statistics(flat) == ((0.0,), (1 / 255,))  # nothing is divided by 0


def test_the_fingerprint_follows_pixels_labels_and_split():
    train, validation = make_images(), make_images(6, seed=1)

    def fingerprint(first=0, statistics=None):
        rows = range(first, first + 6)
        return search_data("mine", train, validation, "abc", rows, statistics).fingerprint

    digests = {fingerprint(), fingerprint(1), fingerprint(0, ((0.5,) * 2, (0.2,) * 2))}
    assert fingerprint() in digests
    train.pixels[0, 0, 0, 0] ^= 1
    digests.add(fingerprint())
    train.labels[0] = 2
    digests.add(fingerprint())
    assert len(digests) == 5
    assert {len(digest) for digest in digests} == {64}


def test_search_data_holds_all_that_follows():
    train, validation = make_images(), make_images(6, seed=1)
    data = search_data("mine", train, validation, "abc", np.arange(6))
    assert data.classes == ("a", "b", "c")
    assert data.validation_rows == (0, 1, 2, 3, 4, 5)
    assert (data.mean, data.std) == channel_statistics(train.pixels)


def changed(**changes):
    good = make_images()
    return Images(**{"pixels": good.pixels, "labels": good.labels, **changes})


@pytest.mark.parametrize(
    ("images", "classes", "message"),
    [
        (changed(), "a", "has 1 class; give images of at least 2"),
        (changed(), "ab", "label 2 is out of range; with 2 classes labels are 0 to 1"),
        (changed(), "abcd", "has no image of class 'd'"),
        (changed(labels=torch.full((12,), -1)), "abc", "label -1 is out of range"),
        (changed(labels=torch.zeros(12)), "abc", "labels must be int64"),
        (changed(labels=torch.zeros(3, dtype=torch.int64)), "abc", "labels must be int64"),
        (changed(pixels=torch.zeros(12, 1, 4, 4)), "abc", "pixels must be uint8"),
        (changed(pixels=torch.zeros(12, 1, 4, 5, dtype=torch.uint8)), "abc", "size, size"),
    ],
)
def test_images_that_cannot_be_trained_on_are_refused(images, classes, message):
    with pytest.raises(DataError, match=f"the training split.*{message}"):
        check_images(images, classes, "the training split")


class Given(DataSource):
    """A source of somebody's own, with the test split that a test wants."""

    def __init__(self, test):
        self.given = test

    def load(self, seed):
        return search_data("mine", make_images(), make_images(6, seed=1), "abc", range(6))

    def test(self):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


def test_any_source_is_checked_and_counted_when_a_run_is_planned():
    source = Given(make_images(8, classes=2))
    found = inventory(source, source.load(0))
    assert [(split.name, split.counts) for split in found.splits] == [
        ("training", (4, 4, 4)), ("validation", (2, 2, 2)), ("test", (4, 4, 0)),
    ]  # fmt: skip
    assert found.counts == (10, 10, 6)
    assert found.notes == (
        "8 of 8 test images stand in the training split too",
        "the test split has no image of class 'c'",
    )
    assert found.largest == ("a", 10 / 26)


class Loaded(Given):
    """A source whose data are what a test wants."""

    def __init__(self, changes):
        super().__init__(make_images())
        self.changes = changes

    def load(self, seed):
        return replace(super().load(seed), **self.changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": make_images(6, classes=4)}, "training split of mine: label 3 is out of range"),
        (
            {"validation": changed(pixels=torch.zeros(12, 2, 8, 8, dtype=torch.uint8))},
            "validation split of mine is of 2x8x8 pixels",
        ),
        ({"validation": changed(labels=torch.zeros(12))}, "labels must be int64"),
        ({"mean": (0.5,)}, "mean of mine is .*give 2 finite numbers, one for each"),
        ({"std": (1.0, 0.0)}, "std of mine is .*, above 0"),
        ({"mean": (0.5, float("nan"))}, "mean of mine is "),
    ],
)
def test_what_a_source_loads_is_checked(changes, message):
    source = Loaded(changes)
    with pytest.raises(DataError, match=message):
        inventory(source, source.load(0))


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (KeyError("rows"), "the splits of mine cannot be read: KeyError: 'rows'"),
        (DataError("gone"), "^gone$"),
        (
            make_images(8, classes=4),
            "the test split of mine: label 3 is out of range; with 3 class",
        ),
        (changed(labels=torch.full((12,), -1)), "the test split of mine: label -1 is out of range"),
        (changed(pixels=torch.zeros(12, 1, 4, 4, dtype=torch.uint8)), "has 1 channels, the traini"),
        (Images(torch.zeros(0, 2, 4, 4, dtype=torch.uint8), torch.zeros(0).long()), "no images"),
    ],
)
def test_a_test_split_that_cannot_be_measured_ends_the_plan(test, message):
    source = Given(test)
    with pytest.raises(DataError, match=message):
        inventory(source, source.load(0))


def test_classes_of_nearly_the_same_name_are_told():
    found = inventory_of(["Cat", "cat ", "dog"], [("training", "", [0, 1, 2])])
    assert found.notes == ("classes 'Cat' and 'cat ' have nearly the same name and are kept apart",)


def test_classes_are_named_where_they_are_too_small():
    with pytest.raises(DataError, match="of class 'sky' a single image is left for the validation"):
        carve([0, 0, 0, 1], 0.2, generator(), classes=("sea", "sky"))
