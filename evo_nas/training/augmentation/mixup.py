"""Mixup (Zhang et al., 2018) and CutMix (Yun et al., 2019), batch by batch, as DeiT has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from evo_nas.training.recipe import Augmentation, Phase
from evo_nas.training.teachers.distillation import distillation_loss


@dataclass(frozen=True, slots=True)
class Batch:
    """Images as a network reads them, with one label each or a mixture of two.

    ``images`` are float (n, channels, size, size), ``labels`` int64 (n,); of each image, ``share``
    is of its label, and the rest of its label in ``others``. ``taught`` are a teacher's logits for
    the images, (n, classes).
    """

    images: Tensor
    labels: Tensor
    others: Tensor | None = None
    share: float = 1.0
    taught: Tensor | None = None

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def split(self, parts: int) -> Iterator[Batch]:
        """So many batches of nearly the same size, in order."""

        def pieces(values: Tensor | None) -> Sequence[Tensor | None]:
            return [None] * parts if values is None else values.tensor_split(parts)

        images, labels = self.images.tensor_split(parts), self.labels.tensor_split(parts)
        more = zip(pieces(self.others), pieces(self.taught), strict=True)
        for image, label, (other, taught) in zip(images, labels, more, strict=True):
            yield Batch(image, label, other, self.share, taught)

    def loss(self, logits: Tensor, phase: Phase) -> Tensor:
        """The mean loss of ``logits`` (n, classes), to labels and teacher as the phase weighs them.

        That to the labels is the cross entropy to the smoothed, then mixed ones; it is linear in
        them, so the losses are mixed instead.
        """
        smoothing = phase.label_smoothing
        loss = functional.cross_entropy(logits, self.labels, label_smoothing=smoothing)
        if self.others is not None:
            other = functional.cross_entropy(logits, self.others, label_smoothing=smoothing)
            loss = self.share * loss + (1 - self.share) * other
        if self.taught is None:
            return loss
        weight, temperature = phase.distillation_weight, phase.distillation_temperature
        taught = distillation_loss(logits, self.taught, phase.distillation, temperature)
        return (1 - weight) * loss + weight * taught


def mix(batch: Batch, settings: Augmentation, generator: np.random.Generator) -> Batch:
    """Mix each image with its mirror in the batch (first with last), by mixup or CutMix.

    All images of a batch are mixed in the same way and by the same share, which is drawn from the
    Beta distribution of the settings. The images are overwritten.
    """
    alphas = (settings.mixup, settings.cutmix)
    if not any(alphas):
        return batch
    by_box = bool(generator.random() < 0.5) if all(alphas) else settings.cutmix > 0
    share = float(generator.beta(alphas[by_box], alphas[by_box]))
    images, others = batch.images, batch.images.flip(0)
    if by_box:
        size = images.shape[-1]
        (top, bottom), (left, right) = _side(size, share, generator), _side(size, share, generator)
        images[..., top:bottom, left:right] = others[..., top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / size**2
    else:
        images.lerp_(others, 1 - share)
    return Batch(images, batch.labels, batch.labels.flip(0), share)


def _side(size: int, share: float, generator: np.random.Generator) -> tuple[int, int]:
    """Start and end of a box that leaves ``share`` of an image; the edge may cut it."""
    half = int(size * (1 - share) ** 0.5) // 2
    middle = int(generator.integers(size))
    return max(middle - half, 0), min(middle + half, size)
