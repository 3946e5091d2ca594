"""From stored pixels to what a network reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor


def prepare(pixels: Tensor, mean: Sequence[float], std: Sequence[float], size: int) -> Tensor:
    """Normalised images for a network, on the device where the pixels are.

    Args:
        pixels: uint8 (n, channels, height, width), 0 to 255.
        mean: of each channel, in 0..1; ``std`` likewise.
        std: no entry is 0.
        size: pixels of a side that the network reads; other images are resized, bilinearly and with
            antialiasing.

    Returns:
        float32 (n, channels, size, size) with mean 0 and standard deviation 1 over the images that
        ``mean`` and ``std`` were taken from.
    """
    assert pixels.dtype == torch.uint8, "pixels are stored and moved as uint8"
    images = pixels.to(torch.float32)
    if images.shape[-2:] != (size, size):
        images = F.interpolate(
            images, size=(size, size), mode="bilinear", antialias=True, align_corners=False
        )
    # One multiplication and one addition: (pixel / 255 - mean) / std.
    std_column = torch.tensor(std, dtype=torch.float32, device=pixels.device).view(-1, 1, 1)
    mean_column = torch.tensor(mean, dtype=torch.float32, device=pixels.device).view(-1, 1, 1)
    return images.mul_(1 / (255 * std_column)).add_(-mean_column / std_column)


def warp(
    images: Tensor,
    matrices: npt.NDArray[np.float32],
    mode: str = "bilinear",
    padding: str = "zeros",
) -> Tensor:
    """Move images (n, channels, size, size) by ``matrices`` (n, 2, 3), from new to old places.

    Places are (x, y, 1), with -1 and 1 at the edges of an image.
    """
    theta = torch.from_numpy(matrices).to(images.device)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode=mode, padding_mode=padding, align_corners=False)
