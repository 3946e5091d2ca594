import numpy as np
import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.data import given
from evo_nas.errors import DataError

LABELS = np.arange(60) % 3
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3)).astype(np.uint8)


class Items:
    """A map-style dataset."""

    classes = ("cat", "dog", "emu")

    def __len__(self):
        return len(PIXELS)

    def __getitem__(self, place):
        if place >= len(self):
            raise IndexError
        return torch.from_numpy(PIXELS[place]).permute(2, 0, 1) / 255, int(LABELS[place])


class RandomItems(Items):
    def __getitem__(self, place):
        return torch.rand(3, 8, 8), 0


def test_the_same_images_have_one_spec_in_whatever_form():
    spec = given((PIXELS, LABELS)).spec
    tensors = torch.from_numpy(PIXELS).permute(0, 3, 1, 2), torch.from_numpy(LABELS)
    assert given(tensors).spec == given((PIXELS / 255, LABELS.tolist())).spec == spec
    assert given((PIXELS, np.eye(3)[LABELS])).spec == spec
    assert given((PIXELS[::-1], LABELS)).spec != spec
    assert given((PIXELS, LABELS[::-1])).spec != spec


def test_what_is_given_is_found_by_its_spec_and_is_a_copy():
    pixels = PIXELS.copy()
    source = given((pixels, LABELS))
    pixels[:] = 0
    found = registry.load("data", source.spec)
    assert found is source
    data = found.load(0)
    both = torch.cat([data.train.pixels, data.validation.pixels, found.test().pixels])
    assert both.sum() == PIXELS.sum(dtype=np.int64)
    assert data.classes == ("0", "1", "2")


def test_another_process_is_told_to_be_given_them_again():
    with pytest.raises(DataError, match=r"not to this process; give the same again, as in evo_nas"):
        registry.load("data", "given?fingerprint=0123456789abcdef")


def test_splits_are_known_by_their_names():
    splits = {"train": (PIXELS[:30], LABELS[:30]), "val": (PIXELS[30:45], LABELS[30:45])}
    source = given({**splits, "test": (PIXELS[45:], LABELS[45:])})
    data = source.load(0)
    assert np.array_equal(data.train.pixels.permute(0, 2, 3, 1), PIXELS[:30])
    assert np.array_equal(data.validation.pixels.permute(0, 2, 3, 1), PIXELS[30:45])
    assert np.array_equal(source.test().pixels.permute(0, 2, 3, 1), PIXELS[45:])
    assert [split.source for split in source.inventory(data).splits] == ["train", "val", "test"]


def test_a_dataset_is_read_with_the_names_of_its_classes():
    data = given(Items()).load(0)
    assert data.classes == ("cat", "dog", "emu")
    assert given({"train": Items(), "test": Items()}).test().pixels.shape == (60, 3, 8, 8)


def test_pictures_that_stand_in_two_splits_are_told_of():
    source = given({"train": (PIXELS, LABELS), "test": (PIXELS[:9], LABELS[:9])})
    notes = source.inventory(source.load(0)).notes
    assert any("of 9 test images stand in the training split too" in note for note in notes)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ((PIXELS, LABELS[:5]), {}, "has 60 images and 5 labels"),
        ((PIXELS - 300.0, LABELS), {}, "say it: data=evo_nas.data.given.data, values='-300"),
        ((np.where(PIXELS > 250, np.nan, PIXELS), LABELS), {}, "no numbers, NaN or infinity"),
        ((np.zeros((6, 3, 4, 3)), LABELS[:6]), {}, "layout='NHWC'"),
        ((PIXELS, LABELS), {"layuot": 1}, "unexpected keyword argument 'layuot'"),
        ((PIXELS, LABELS), {"classes": "ab"}, "none of the 2 class names"),
        ({"a": (PIXELS, LABELS), "b": (PIXELS, LABELS)}, {}, "not one called 'train'"),
        ({"train": (PIXELS, LABELS), "test": (PIXELS, LABELS + 1)}, {}, "class '3', which the tra"),
        (5, {}, "of type int; give .images, labels. of arrays"),
        (RandomItems(), {}, "take random transforms out of the dataset"),
    ],
)
def test_what_cannot_be_searched_on_is_refused_in_one_line(data, options, message):
    with pytest.raises(DataError, match=message) as raised:
        given(data, **options)
    assert "\n" not in str(raised.value)
