"""RandAugment (Cubuk et al., 2020) for batches on a device, with timm's operations, as DeiT has it.

kornia's own RandAugment applies the operations that it draws to a whole batch, knows no deviation
of the magnitude, and shears by 49 degrees where timm's magnitude 9 shears by 15. So operations and
strengths are drawn here, image by image, and kornia computes what they do to the pixels.

Why: docs/decisions/025-randaugment.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from kornia import enhance
from torch import Tensor

from evo_nas.data.images import warp

HIGHEST = 30  # of magnitudes; timm counts to 10, so that its m9 is 27
PROBABILITY = 0.5  # of an operation that was drawn to be applied


def randaugment(
    images: Tensor,
    fill: Tensor,
    operations: int,
    magnitude: float,
    deviation: float,
    generator: np.random.Generator,
) -> Tensor:
    """Draw ``operations`` operations for each image, with replacement, and apply half of them.

    ``images`` are float (n, channels, size, size) in 0..1, and overwritten; ``fill`` (channels, 1,
    1) comes in where they are moved. Strengths are normal, of this ``magnitude`` and ``deviation``,
    clipped to 0..30; operations, strengths and directions are drawn by ``generator``.
    """
    count = len(images)
    moves, changes = [*_GEOMETRIC.values()], [*_PIXELS.values()]
    for _ in range(operations):
        chosen = generator.integers(len(moves) + len(changes), size=count)
        chosen[generator.random(count) >= PROBABILITY] = -1
        level = np.clip(generator.normal(magnitude, deviation, count), 0, HIGHEST) / HIGHEST
        sign = generator.choice([-1.0, 1.0], count)
        moved = np.flatnonzero((chosen >= 0) & (chosen < len(moves)))
        if len(moved):
            rows = torch.from_numpy(moved).to(images.device)
            matrices = np.array([moves[chosen[i]](level[i] * sign[i]) for i in moved], np.float32)
            images[rows] = warp(images[rows] - fill, matrices) + fill
        for number, operation in enumerate(changes, len(moves)):
            changed = np.flatnonzero(chosen == number)
            if len(changed):
                rows = torch.from_numpy(changed).to(images.device)
                strength = np.stack((level[changed], sign[changed])).astype(np.float32)
                images[rows] = operation(images[rows], *torch.from_numpy(strength).to(rows.device))
    return images


def _rotation(strength: float) -> list[list[float]]:
    angle = np.deg2rad(30 * strength)
    return [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]


# Each takes a strength from -1 to 1 and gives a matrix for warp; the factors are timm's highest.
_GEOMETRIC: Mapping[str, Callable[[float], list[list[float]]]] = {
    "rotate": _rotation,
    "shear x": lambda strength: [[1, 0.3 * strength, 0], [0, 1, 0]],
    "shear y": lambda strength: [[1, 0, 0], [0.3 * strength, 1, 0]],
    "translate x": lambda strength: [[1, 0, 2 * 0.45 * strength], [0, 1, 0]],  # of a side: 45%
    "translate y": lambda strength: [[1, 0, 0], [0, 1, 2 * 0.45 * strength]],
}


def _auto_contrast(images: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    flat = images.amax((-2, -1), keepdim=True) == images.amin((-2, -1), keepdim=True)
    return torch.where(flat, images, enhance.normalize_min_max(images))


def _solarize_add(images: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    brighter = (images + 110 / 255 * level.view(-1, 1, 1, 1)).clamp(max=1)
    return torch.where(images < 0.5, brighter, images)


def _colour(images: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    if images.shape[1] != 3:  # there is no colour in it
        return images
    return enhance.adjust_saturation_with_gray_subtraction(images, _factor(level, sign))


def _sharpness(images: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    if images.shape[-1] < 3:  # pixels at the border stay as they are
        return images
    return enhance.sharpness(images, _factor(level, sign))


def _factor(level: Tensor, sign: Tensor) -> Tensor:
    return 1 + 0.9 * level * sign


# Each takes images (n, channels, size, size), levels (n,) from 0 to 1 and signs (n,), -1 or 1.
# timm's "increasing" forms: a higher level is always a stronger change.
_PIXELS: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "auto contrast": _auto_contrast,
    "equalize": lambda images, level, sign: enhance.equalize(images),
    "invert": lambda images, level, sign: 1 - images,
    "posterize": lambda images, level, sign: enhance.posterize(
        images,
        4 - (4 * level).to(torch.int32),  # bits that are kept: 4 to 0
    ),
    "solarize": lambda images, level, sign: enhance.solarize(images, 1 - level),
    "solarize add": _solarize_add,
    "colour": _colour,
    "contrast": lambda images, level, sign: enhance.adjust_contrast_with_mean_subtraction(
        images, _factor(level, sign)
    ),
    "brightness": lambda images, level, sign: enhance.adjust_brightness_accumulative(
        images, _factor(level, sign)
    ),
    "sharpness": _sharpness,
}
