"""What networks with weights are tried on: random images and the statistics of some data."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from evo_nas.core.plugins import registry
from evo_nas.results.networks.trained import Trained, load_trained
from evo_nas.training.weights import Delivered, describe_weights, save_weights

from .loading import draw

DATA = "digits?train=100&validation=50&test=50"
STATISTICS = (0.4,), (0.2,)  # mean and deviation of the one channel


def trained(folder: Path, spec: str, *, at_target: bool = False) -> Trained:
    """Some network of a space, with weights in a file that are not those of a fresh one."""
    space = registry.load("space", spec)
    genome = draw(space, 1)
    torch.manual_seed(1)
    geometry = space.target if at_target else space.proxy(8, 1, 10)
    state = space.build(genome, geometry).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.uniform_(-0.1, 0.1)
        elif tensor.ndim > 1:
            tensor.normal_(std=0.2)
    about = Delivered(spec, genome, geometry, *STATISTICS, tuple("abc"))
    save_weights(folder / "trained.safetensors", state, describe_weights(about))
    return load_trained(str(folder / "trained.safetensors"))


def pixels(network: Trained, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    geometry = network.about.geometry
    shape = (count, geometry.channels, geometry.image_size, geometry.image_size)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def normalised(network: Trained, images: Tensor) -> Tensor:
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (network.about.mean, network.about.std))
    return (images / 255 - mean) / std
