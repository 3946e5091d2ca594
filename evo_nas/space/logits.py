"""Whether a network gives what training and measuring read: a logit for each class of each image.

A head for more classes trains without an error, and so does one that forgets the data's classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evo_nas.core.plugins.blame import describe

from .space import Geometry

_IMAGES = 2  # BatchNorm needs two, and one would hide a missing batch dimension


def wrong_logits(logits: object, images: int, classes: int) -> str | None:
    """What is wrong with a network's output for so many images; None if it is logits for them."""
    if not isinstance(logits, Tensor):
        return f"it gives a {type(logits).__name__} and not logits of shape ({images}, {classes})"
    if logits.shape == (images, classes):
        return None
    shape = tuple(logits.shape)
    if logits.ndim == 2 and len(logits) == images:
        return f"it tells {shape[1]} classes apart, where there are {classes}"
    return f"{images} images become {shape} and not logits of shape ({images}, {classes})"


def wrong_network(network: nn.Module, geometry: Geometry, *, training: bool = False) -> str | None:
    """What is wrong with what a network makes of images at a geometry, where it is.

    It is tried in evaluation mode and, with ``training``, then as it is trained, which changes
    statistics. It is left in the mode that it was in, as each of its modules is.
    """
    before = [(module, module.training) for module in network.modules()]
    try:
        return _wrong(network, geometry, (False, True) if training else (False,))
    finally:
        for module, mode in before:
            module.training = mode


def _wrong(network: nn.Module, geometry: Geometry, modes: Sequence[bool]) -> str | None:
    size = geometry.image_size
    like = next(network.parameters(), torch.zeros(0))
    images = torch.zeros(_IMAGES, geometry.channels, size, size, device=like.device)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for mode in modes:
            network.train(mode)
            try:
                wrong = wrong_logits(network(images), _IMAGES, geometry.classes)
            except Exception as error:  # it is somebody's code
                wrong = f"it fails for images at {geometry}: {describe(error)}"
            if wrong is not None:
                return wrong + (" in training mode" if mode else "")
    return None
