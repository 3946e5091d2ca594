"""Augmentation of training images on their device, one pass a batch (DeiT, table 9).

Each step has a random generator of its own, so that a repeated step draws the same.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo_nas.data.images import warp
from evo_nas.errors import RecipeError
from evo_nas.training.batches import Batches
from evo_nas.training.recipe import Augmentation, Recipe

from .mixup import Batch, mix

Numbers = npt.NDArray[np.float64]

ASPECT_RATIOS = (3 / 4, 4 / 3)  # of a random resized crop
ERASED_AREA, ERASED_RATIOS = (0.02, 1 / 3), (0.3, 1 / 0.3)
TRIES = 10  # to draw a box that fits into an image


class Augmenter:
    """Changes ``batches`` as a recipe says; images arrive and leave normalised."""

    def __init__(self, settings: Augmentation, batches: Batches) -> None:
        if batches.decodes:  # which crops
            settings = replace(settings, crop_scale=1.0)
        self._settings = settings
        self._mean = torch.tensor(batches.mean, device=batches.device).view(-1, 1, 1)
        self._std = torch.tensor(batches.std, device=batches.device).view(-1, 1, 1)

    def __call__(self, images: Tensor, labels: Tensor, generator: np.random.Generator) -> Batch:
        """Augment images (n, channels, size, size), which are overwritten, and mix their labels.

        Noise that fills erased boxes is torch's.
        """
        settings = self._settings
        if settings.crop_scale < 1:
            images = crop(images, settings.crop_scale, settings.horizontal_flip, generator)
        elif settings.horizontal_flip:
            chosen = np.flatnonzero(generator.random(len(images)) < settings.horizontal_flip)
            flipped = torch.from_numpy(chosen).to(images.device)
            images[flipped] = images[flipped].flip(-1)
        if settings.randaugment_operations:
            images = self._randaugment(images, generator)
        if settings.random_erasing:
            images = erase(images, settings.random_erasing, generator)
        return mix(Batch(images, labels), settings, generator)

    def _randaugment(self, images: Tensor, generator: np.random.Generator) -> Tensor:
        from .randaugment import randaugment  # needs kornia

        pixels = randaugment(
            (images * self._std + self._mean).clamp_(0, 1),
            self._mean,
            self._settings.randaugment_operations,
            self._settings.randaugment_magnitude,
            self._settings.randaugment_deviation,
            generator,
        )
        return (pixels - self._mean) / self._std


def crop(images: Tensor, scale: float, flip: float, generator: np.random.Generator) -> Tensor:
    """Random resized crops (Szegedy et al., 2015) of images, bicubic; ``flip`` of them mirrored.

    A crop keeps ``scale`` to 1 of an image's area, at an aspect ratio from 3/4 to 4/3.
    """
    count = len(images)
    left, top, width, height = _boxes(count, (scale, 1), ASPECT_RATIOS, generator)
    direction = np.where(generator.random(count) < flip, -1, 1)
    matrices = np.zeros((count, 2, 3), dtype=np.float32)
    matrices[:, 0, 0], matrices[:, 0, 2] = direction * width, 2 * left + width - 1
    matrices[:, 1, 1], matrices[:, 1, 2] = height, 2 * top + height - 1
    lowest, highest = images.amin((0, 2, 3), keepdim=True), images.amax((0, 2, 3), keepdim=True)
    # Bicubic interpolation overshoots at edges.
    return torch.clamp(warp(images, matrices, "bicubic", "border"), lowest, highest)


def erase(images: Tensor, probability: float, generator: np.random.Generator) -> Tensor:
    """Random erasing (Zhong et al., 2020): a box of some images becomes normal noise."""
    chosen = np.flatnonzero(generator.random(len(images)) < probability)
    left, top, width, height = _boxes(len(chosen), ERASED_AREA, ERASED_RATIOS, generator)
    size = images.shape[-1]
    edges = np.rint(np.stack((left, left + width, top, top + height)) * size)
    for row, (first, last, upper, lower) in zip(chosen, edges.T.astype(int), strict=True):
        images[row, :, upper:lower, first:last].normal_()
    return images


def check_installed(recipe: Recipe) -> None:
    """Raise a RecipeError that says what to install, if ``recipe`` needs a missing package."""
    phases = (recipe.supernet, recipe.train, recipe.retraining(inherit=True))
    needed = any(phase.augmentation.randaugment_operations for phase in phases)
    if needed and importlib.util.find_spec("kornia") is None:
        raise RecipeError(
            f"recipe {recipe.name} uses RandAugment, which needs kornia: pip install "
            "'evo-nas[train]', or set randaugment_operations = 0 in a copy of the recipe"
        )


def _boxes(
    count: int,
    areas: tuple[float, float],
    ratios: tuple[float, float],
    generator: np.random.Generator,
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Left, top, width and height (count,) of boxes in a square of side 1.

    Areas are uniform, aspect ratios log-uniform; what does not fit is the square.
    """
    area = generator.uniform(areas[0], areas[1], (TRIES, count))
    log_ratio = generator.uniform(math.log(ratios[0]), math.log(ratios[1]), (TRIES, count))
    ratio = np.exp(log_ratio)
    width, height = np.sqrt(area * ratio), np.sqrt(area / ratio)
    fits = (width <= 1) & (height <= 1)
    first = (fits.argmax(0), np.arange(count))
    whole = ~fits.any(0)
    width, height = np.where(whole, 1, width[first]), np.where(whole, 1, height[first])
    left = generator.random(count) * (1 - width)
    return left, generator.random(count) * (1 - height), width, height
