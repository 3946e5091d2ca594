"""Mixup and CutMix: images, and the loss of mixed, smoothed labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from evo_nas.training.augmentation.mixup import Batch, mix
from evo_nas.training.recipe import Augmentation
from tests.kit.training import SGD

MIXUP, CUTMIX = Augmentation(mixup=0.8), Augmentation(cutmix=1.0)
BOTH = Augmentation(mixup=0.8, cutmix=1.0)


def batch(count=6, size=8):
    """Images of which each is one number everywhere."""
    images = torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 2, size, size)
    return Batch(images.clone(), torch.arange(count) % 3)


def mixed(settings, seed=0):
    return mix(batch(), settings, np.random.default_rng(seed))


def test_without_alphas_nothing_is_mixed_or_drawn():
    images, stream = batch(), np.random.default_rng(0)
    assert mix(images, Augmentation(), stream) is images
    assert stream.random() == np.random.default_rng(0).random()


def test_mixup_blends_each_image_with_its_partner():
    out = mixed(MIXUP)
    expected = out.share * torch.arange(6.0) + (1 - out.share) * torch.arange(5.0, -1, -1)
    assert 0 < out.share < 1
    assert torch.allclose(out.images[:, 1, 3, 3], expected)
    assert out.images.flatten(1).std(1).max() < 1e-6
    assert out.others.tolist() == out.labels.tolist()[::-1]


@pytest.mark.parametrize("seed", range(20))
def test_cutmix_pastes_a_box_of_the_share_that_the_label_loses(seed):
    out = mixed(CUTMIX, seed)
    own = (out.images == torch.arange(6.0).view(-1, 1, 1, 1)).float()
    partner = (out.images == torch.arange(5.0, -1, -1).view(-1, 1, 1, 1)).float()
    assert (own + partner == 1).all()
    assert own.flatten(1).mean(1).tolist() == pytest.approx([out.share] * 6)


def test_batches_take_one_of_both_evenly():
    corners = [mixed(BOTH, seed).images[0, 0, [0, 0, 7, 7], [0, 7, 0, 7]] for seed in range(400)]
    blended = sum(len(corner.unique()) == 1 and corner[0] not in (0, 5) for corner in corners)
    assert blended == pytest.approx(200, abs=40)
    shares = [mixed(MIXUP, seed).share for seed in range(400)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.var(shares) == pytest.approx(1 / (4 * 2.6), abs=0.02)  # of Beta(0.8, 0.8)


def test_the_loss_is_that_of_smoothed_then_mixed_targets():
    out = mixed(BOTH)
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    phase = replace(SGD, label_smoothing=(smoothing := 0.1))
    first, second = (
        functional.one_hot(labels, 3) * (1 - smoothing) + smoothing / 3
        for labels in (out.labels, out.others)
    )
    targets = out.share * first + (1 - out.share) * second
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    assert float(out.loss(logits, phase)) == pytest.approx(float(expected))


@pytest.mark.parametrize("parts", [1, 2, 4, 6])
def test_parts_together_are_the_batch(parts):
    out = mixed(BOTH)
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    pieces = list(out.split(parts))
    assert torch.equal(torch.cat([piece.images for piece in pieces]), out.images)
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1
    sizes = [len(piece) for piece in pieces]
    losses = [p.loss(part, SGD) for p, part in zip(pieces, logits.split(sizes), strict=True)]
    mean = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / 6
    assert float(mean) == pytest.approx(float(out.loss(logits, SGD)))
