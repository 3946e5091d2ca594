"""A teacher: a trained network that is shown a student's images as it was trained to see them.

Why: docs/decisions/041-teachers.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from evo_nas.data.format import Format
from evo_nas.data.source import SearchData
from evo_nas.errors import RecipeError
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.batches import MEASURE_BATCH, Batches, classify, measure
from evo_nas.training.recipe import Phase

from .pretrained import Pretrained, load_pretrained, whole_name

GREY = (0.299, 0.587, 0.114)  # of red, green and blue, as pictures are read
TRIED = 256  # validation images, at most, that a teacher is tried on before it teaches


class Teacher(nn.Module):
    """Logits for the student's classes, of images as the student reads them.

    ``pretrained`` is the trained network that is called ``name``; the student reads ``data`` at
    ``size`` pixels a side.

    Raises:
        RecipeError: it cannot be shown these images rightly, or does not know these classes.
    """

    statistics: Tensor  # of the student's images and of its own: (mean and std, channels, 1, 1)
    own: Tensor
    columns: Tensor  # of its logits, those of the student's classes

    def __init__(self, name: str, pretrained: Pretrained, data: SearchData, size: int) -> None:
        super().__init__()
        self.name, self.digest, self.network = name, pretrained.digest, pretrained.network
        self._seen, self._data, self._size = pretrained.preprocessing, data, size
        self._known, self._most = len(pretrained.classes), MEASURE_BATCH
        self._check_images()
        statistics = torch.tensor([*data.mean, *data.std]).view(2, -1, 1, 1)
        own = torch.tensor([*self._seen.mean, *self._seen.std]).view(2, -1, 1, 1)
        columns = torch.tensor(self._columns(pretrained.classes))
        for key, values in (("statistics", statistics), ("own", own), ("columns", columns)):
            self.register_buffer(key, values, persistent=False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images (n, channels, size, size), by the student's normalised."""
        (mean, std), (own_mean, own_std), seen = self.statistics, self.own, self._seen
        pixels = images * std + mean
        if pixels.shape[1] == 3 and seen.channels == 1:
            pixels = torch.einsum("nchw,c->nhw", pixels, pixels.new_tensor(GREY))[:, None]
        if pixels.shape[-1] != seen.image_size:
            size = (seen.image_size, seen.image_size)
            pixels = functional.interpolate(
                pixels, size, mode="bilinear", antialias=True, align_corners=False
            )
        logits: Tensor = self.network((pixels - own_mean) / own_std)  # this repeats grey as colours
        return logits[:, self.columns]

    @torch.no_grad()
    def teach(self, batch: Batch) -> Batch:
        """The batch, with what the teacher makes of its images; many at a time, as fit."""
        logits, self._most = classify(self, batch.images, self._most)
        return replace(batch, taught=logits)

    def introduction(self, phase: Phase, device: str) -> str:
        """What to say of it before it teaches, tried on some validation images.

        If it were shown something else than it knows, it would be right as often as by chance.
        """
        validation = self._data.validation
        rows = np.arange(0, len(validation), -(-len(validation) // TRIED))
        batches = Batches(validation.take(rows), self._data, self._size, device)
        accuracy = measure(self, batches).metrics()["accuracy"]
        right = f"right about {accuracy:.1%} of {len(rows)} validation images"
        return f"{self}, {right}; distillation: {phase.teaching['distillation']}"

    def __str__(self) -> str:
        seen, (channels, _) = self._seen, self._data.train.shape
        told = [f"sees {seen.image_size}x{seen.image_size} pixels"]
        if seen.image_size != self._size:
            told[0] += f", resized from {self._size}x{self._size}"
        if channels != seen.channels:
            told.append("grey as RGB" if channels == 1 else "colours as grey")
        if self._known != len(self.columns):
            told.append(f"of its {self._known:,} classes {len(self.columns):,} count")
        return f"{self.name} ({'; '.join(told)})"

    def _columns(self, known: Sequence[str]) -> list[int]:
        """The place of each of the student's classes among those that the teacher knows."""
        if not known:
            raise RecipeError(
                f"teacher {self.name} does not say what its classes are called, so that nobody can "
                "tell which is which; choose another"
            )
        classes = self._data.classes
        unclear = [name for name in classes if known.count(name) != 1]
        if unclear:
            why = "tells two classes apart that are both called" if unclear[0] in known else "lacks"
            raise RecipeError(
                f"teacher {self.name} {why} {unclear[0]!r}, a class of {self._data.name} (so of "
                f"{len(unclear)} of {len(classes)} classes); choose a teacher of these classes"
            )
        return [known.index(name) for name in classes]

    def _check_images(self) -> None:
        """Raise a RecipeError if what the student reads lacks what the teacher has learned from."""
        seen, data, size = self._seen, self._data, self._size
        channels, stored = data.train.shape
        if seen.channels != channels and {seen.channels, channels} != {1, 3}:
            raise RecipeError(
                f"teacher {self.name} reads {seen.channels} channels, {data.name} has {channels}"
            )
        if min(seen.image_size, stored) > size:
            raise RecipeError(
                f"teacher {self.name} was trained to see {seen.image_size}x{seen.image_size} "
                f"pixels, and the student's images keep {size}x{size} of {stored}x{stored}: it "
                f"would see blurs; train at image_size={min(seen.image_size, stored)} or more "
                "(--geometry), or choose a teacher of smaller images"
            )
        if not (isinstance(seen.reading, Format) and isinstance(data.reading, Format)):
            return
        for kind in sorted({*seen.reading.kinds} & {*data.reading.kinds}):
            there, here = (reading.steps.get(kind) for reading in (seen.reading, data.reading))
            if there != here:
                raise RecipeError(
                    f"teacher {self.name} read pictures otherwise: {there}, and {data.name}: {here}"
                )


def find_teacher(
    phase: Phase, data: SearchData, size: int, device: str | torch.device = "cpu"
) -> tuple[Phase, Teacher | None]:
    """The teacher that a phase names, if it does, and the phase with its whole name and digest.

    Raises:
        RecipeError: it is not there, is not the one of the digest, or cannot teach this.
    """
    if not phase.teacher:
        return phase, None
    name = whole_name(phase.teacher)
    held = _held(name, phase.teacher_digest) if phase.teacher_digest else load_pretrained(name)
    teacher = Teacher(name, held, data, size).to(device)
    return replace(phase, teacher=name, teacher_digest=held.digest), teacher


@lru_cache(maxsize=1)
def _held(name: str, digest: str) -> Pretrained:
    """A teacher of this digest, loaded once in a process: one after the other learns from it."""
    found = load_pretrained(name)
    if found.digest != digest:
        raise RecipeError(
            f"teacher {name} is not the one that this training was prepared with (its digest is "
            f"{found.digest[:8]}, not {digest[:8]}); bring that back, or begin anew"
        )
    return found
