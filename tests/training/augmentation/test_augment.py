"""Crops, flips, erasing, and all of an augmentation together."""

import numpy as np
import pytest
import torch

from evo_nas.data.images import Images
from evo_nas.errors import RecipeError
from evo_nas.training.augmentation import augment as module
from evo_nas.training.augmentation.augment import Augmenter, check_installed, crop, erase
from evo_nas.training.recipe import Augmentation, load_recipe
from tests.kit.training import make_batches

DEIT = load_recipe("deit").train.augmentation


def stream(seed=0):
    return np.random.default_rng(seed)


def ramps(count, size=32):
    """Images whose pixels say where they are: from 0 on the left to 1 on the right, and down."""
    across = torch.linspace(0, 1, size).expand(size, size)
    return torch.stack((across, across.T)).expand(count, -1, -1, -1).clone()


def test_crops_keep_the_share_and_shape_that_they_say():
    out = crop(ramps(2000), 0.2, 0.0, stream())
    width = out[:, 0, 16, 31] - out[:, 0, 16, 0]
    height = out[:, 1, 31, 16] - out[:, 1, 0, 16]
    area, ratio = (width * height).numpy(), (width / height).numpy()
    assert area.min() > 0.18  # a little is lost at the border
    assert area.max() <= 1
    drawn = stream(1)
    shares = drawn.uniform(0.2, 1, 9999)
    stretch = np.exp(drawn.uniform(-1, 1, 9999) * np.log(4 / 3))
    fitting = shares * np.maximum(stretch, 1 / stretch) <= 1  # others are drawn again
    assert np.mean(area) == pytest.approx(shares[fitting].mean(), abs=0.02)
    assert ratio.min() > 0.74
    assert ratio.max() < 1.35
    left = out[:, 0, 16, 0].numpy()
    assert np.corrcoef(left, 1 - width.numpy())[0, 1] > 0.5  # small crops come from everywhere


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_crops_are_mirrored_as_often_as_asked(share):
    out = crop(ramps(1000), 0.5, share, stream())
    mirrored = (out[:, 0, 16, 31] < out[:, 0, 16, 0]).float().mean()
    assert float(mirrored) == pytest.approx(share, abs=0.05)
    assert torch.allclose(crop(ramps(3), 0.9999, 0.0, stream()), ramps(3), atol=0.05)  # all of it


def test_erasing_fills_a_box_of_some_images_with_noise():
    images = torch.full((2000, 2, 16, 16), 7.0)
    torch.manual_seed(0)
    changed = erase(images, 0.25, stream()) != 7
    erased = changed.flatten(1).any(1)
    assert float(erased.float().mean()) == pytest.approx(0.25, abs=0.03)
    boxes = changed[erased]
    assert torch.equal(boxes[:, 0], boxes[:, 1])
    rows, columns = boxes[:, 0].any(2).sum(1), boxes[:, 0].any(1).sum(1)
    assert torch.equal(boxes[:, 0].sum((1, 2)), rows * columns)  # boxes, without holes
    share = (rows * columns / 256).numpy()
    assert share.min() > 0.005
    assert share.max() < 0.4
    assert np.mean(share) == pytest.approx((0.02 + 1 / 3) / 2, abs=0.02)
    noise = images[images != 7]
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)


def test_flips_alone_are_exact():
    batches = make_batches(12, 3, 8)
    images, labels = next(batches.in_order())
    out = Augmenter(Augmentation(horizontal_flip=0.5), batches)(images.clone(), labels, stream())
    flipped = (out.images == images.flip(-1)).flatten(1).all(1)
    kept = (out.images == images).flatten(1).all(1)
    assert torch.equal(flipped, ~kept)
    assert 0 < flipped.sum() < 12


def test_without_augmentation_batches_are_what_was_read():
    batches = make_batches(12, 3, 8)
    images, labels = next(batches.in_order())
    out = Augmenter(Augmentation(), batches)(images, labels, stream())
    assert out.images is images
    assert out.labels is labels
    assert out.others is None


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 8), (3, 64)])
def test_deits_augmentation_of_digits_and_pictures(channels, size):
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    batches = make_batches(12, channels, size)
    images, labels = next(batches.in_order())
    augment = Augmenter(DEIT, batches)

    def augmented(seed):
        torch.manual_seed(seed)
        return augment(images.clone(), labels, stream(seed))

    first, again, other = map(augmented, (0, 0, 1))
    assert first.images.shape == images.shape
    assert first.images.isfinite().all()
    assert torch.equal(first.images, again.images)
    assert first.share == again.share
    assert not torch.equal(first.images, other.images)


def test_what_was_cropped_when_it_was_read_is_not_cropped_again(monkeypatch):
    batches = make_batches()
    monkeypatch.setattr(Images, "decodes", True)
    images, labels = next(batches.in_order())
    out = Augmenter(Augmentation(crop_scale=0.1), batches)(images.clone(), labels, stream())
    assert torch.equal(out.images, images)


def test_a_missing_kornia_is_told_before_anything_begins(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    check_installed(load_recipe("quick"))
    with pytest.raises(RecipeError, match=r"recipe paper uses RandAugment.*'evo-nas\[train\]'"):
        check_installed(load_recipe("deit"))
