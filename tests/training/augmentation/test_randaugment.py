"""RandAugment: operations and strengths image by image, the pixels by kornia."""

import numpy as np
import pytest
import torch

pytest.importorskip("kornia", reason="RandAugment needs kornia")

from evo_nas.training.augmentation import randaugment as module
from evo_nas.training.augmentation.randaugment import randaugment

GEOMETRIC, PIXELS = module._GEOMETRIC, module._PIXELS


def pictures(count=6, channels=3, size=16):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, size, size, generator=generator)


def augmented(images, seed=0, operations=2, magnitude=27.0, deviation=1.5, fill=0.5):
    mean = torch.full((images.shape[1], 1, 1), fill)
    generator = np.random.default_rng(seed)
    return randaugment(images.clone(), mean, operations, magnitude, deviation, generator)


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 32), (4, 5), (3, 2)])
def test_images_stay_images(channels, size):
    images = pictures(200, channels, size)
    out = augmented(images)
    assert out.shape == images.shape
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1


def test_half_of_the_operations_are_left_out():
    images = pictures(2000, 3, 8)
    untouched = (augmented(images, operations=1) == images).flatten(1).all(1)
    assert float(untouched.float().mean()) == pytest.approx(0.5, abs=0.04)


def test_the_stream_decides_for_each_image():
    images = pictures(1).expand(40, -1, -1, -1)
    out = augmented(images)
    assert len({image.numpy().tobytes() for image in out}) > 20  # some are left as they are
    assert torch.equal(augmented(images), out)
    assert not torch.equal(augmented(images, seed=1), out)


@pytest.mark.parametrize("name", sorted(GEOMETRIC))
def test_moves_go_both_ways_and_vanish_with_the_strength(name):
    move = GEOMETRIC[name]
    images = pictures()
    matrix = np.array([move(0.0)] * len(images), np.float32)
    assert torch.allclose(module.warp(images, matrix), images, atol=1e-5)
    there, back = (np.vstack((move(strength), (0, 0, 1))) for strength in (0.4, -0.4))
    assert there @ back == pytest.approx(np.eye(3))
    assert not np.allclose(there, np.eye(3))


def test_a_translation_moves_by_its_share_of_a_side_and_fills_the_rest():
    images = torch.ones(1, 1, 20, 20)
    matrix = np.array([GEOMETRIC["translate x"](1.0)], np.float32)
    moved = module.warp(images, matrix)
    assert moved[0, 0, 0].tolist() == pytest.approx([1] * 11 + [0] * 9)


def test_the_strongest_shear_and_rotation_are_timms():
    assert GEOMETRIC["shear x"](1.0)[0][1] == pytest.approx(0.3)
    assert np.rad2deg(np.arccos(GEOMETRIC["rotate"](1.0)[0][0])) == pytest.approx(30)


def change(name, level, sign=1.0):
    images = pictures(4)
    level, sign = torch.full((4,), level), torch.full((4,), sign)
    return images, PIXELS[name](images.clone(), level, sign)


@pytest.mark.parametrize("name", ["colour", "contrast", "brightness", "sharpness"])
def test_enhancements_grow_with_the_level_in_both_directions(name):
    images, nothing = change(name, 0.0)
    assert torch.allclose(nothing, images, atol=1e-6)
    for sign in (-1.0, 1.0):
        weak, strong = (float((change(name, x, sign)[1] - images).abs().mean()) for x in (0.3, 0.9))
        assert 0 < weak < strong


@pytest.mark.parametrize("name", ["posterize", "solarize", "solarize add"])
def test_stronger_is_further_from_the_image(name):
    images, weak = change(name, 0.2)
    _, strong = change(name, 0.9)
    assert float((weak - images).abs().mean()) < float((strong - images).abs().mean())


def test_what_magnitude_9_of_10_does_in_timm():
    images, posterized = change("posterize", 0.9)
    assert len(posterized.unique()) == 2  # 4 - int(3.6) bits
    _, solarized = change("solarize", 0.9)
    assert torch.allclose(solarized, torch.where(images >= 0.1, 1 - images, images), atol=1e-6)
    _, added = change("solarize add", 0.9)
    assert float((added - images).max()) == pytest.approx(99 / 255, abs=1e-5)


def test_equalize_and_auto_contrast_spread_dull_images_and_leave_flat_ones():
    level = sign = torch.ones(2)
    dull = 0.4 + 0.1 * pictures(2, size=64)
    flat = torch.full_like(dull, 0.3)
    for name in ("auto contrast", "equalize"):
        spread = PIXELS[name](dull, level, sign)
        assert float(spread.max() - spread.min()) > 0.9
        assert torch.allclose(PIXELS[name](flat, level, sign), flat, atol=1e-2)
    assert torch.equal(PIXELS["invert"](dull, level, sign), 1 - dull)


def test_colour_leaves_grey_images_alone():
    images = pictures(4, 1)
    assert torch.equal(PIXELS["colour"](images, torch.ones(4), torch.ones(4)), images)
