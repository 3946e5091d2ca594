import pytest
import torch

from evo_nas.data.images import prepare


def test_normalises_each_channel():
    pixels = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    shares = pixels.to(torch.float64) / 255
    mean, std = shares.mean((0, 2, 3)), shares.std((0, 2, 3))
    images = prepare(pixels, tuple(mean.tolist()), tuple(std.tolist()), 8)
    assert images.dtype == torch.float32
    expected = (shares - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    torch.testing.assert_close(images.double(), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(images.std((0, 2, 3)), torch.ones(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("stored", [4, 8, 20])
def test_resizes_only_what_has_another_size(stored):
    pixels = torch.full((2, 1, stored, stored), 51, dtype=torch.uint8)
    before = pixels.clone()
    images = prepare(pixels, (0.0,), (1.0,), 8)
    assert images.shape == (2, 1, 8, 8)
    torch.testing.assert_close(images, torch.full((2, 1, 8, 8), 0.2))
    assert torch.equal(pixels, before)


def test_a_row_does_not_depend_on_the_others():
    pixels = torch.randint(0, 256, (5, 1, 10, 10), dtype=torch.uint8)
    together = prepare(pixels, (0.3,), (0.2,), 8)
    alone = torch.cat([prepare(row[None], (0.3,), (0.2,), 8) for row in pixels])
    assert torch.equal(together, alone)


def test_refuses_what_is_not_pixels():
    with pytest.raises(AssertionError, match="uint8"):
        prepare(torch.zeros(1, 1, 8, 8), (0.0,), (1.0,), 8)
