"""What networks with weights are tried on: random images and the statistics of some data."""

from __future__ import annotations

import torch
from torch import Tensor

from evo_nas.results.networks.trained import Trained

STATISTICS = (0.4,), (0.2,)  # mean and deviation of the one channel


def pixels(network: Trained, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    geometry = network.about.geometry
    shape = (count, geometry.channels, geometry.image_size, geometry.image_size)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def normalised(network: Trained, images: Tensor) -> Tensor:
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (network.about.mean, network.about.std))
    return (images / 255 - mean) / std
