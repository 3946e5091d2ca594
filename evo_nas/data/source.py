"""Image data: what a search may see, and a test split that it cannot.

A :class:`DataSource` is found like every plug-in (``digits``, a folder, ``package.module:Attr``).
Its :meth:`~DataSource.load` gives the training images and a validation split carved from them by
seed; the test images come from another method, which a run calls once, at the end.

The functions below are what an author of a data source needs: :func:`carve` splits rows by class,
:func:`search_data` checks the images and adds their statistics and fingerprint.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo_nas.core.plugins.blame import describe
from evo_nas.errors import DataError, EvoNasError

from .format import Reading
from .images import Images, ImageSet, Rows, in_proportion
from .inventory import Inventory, inventory_of
from .memory.shared import shared_images
from .shortcuts import flat_note

Statistics = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of each channel


@dataclass(frozen=True, slots=True)
class SearchData:
    """The images of a search. ``mean`` and ``std`` are the training pixels', by channel, in 0..1.

    ``validation_rows`` are the rows of the source's training split that were carved out. The
    ``fingerprint`` is a SHA-256 digest, in hexadecimal, of all images, labels, the split and given
    statistics. Images in memory are told apart by their pixels; pictures that stay on disk are not
    read for it, but by their names, sizes in bytes and how they are decoded. ``reading`` is how
    pictures became these pixels, "pixels" where evo-nas did not read them itself; ``notes`` are
    what people should know of the images, a line each.
    """

    name: str
    train: ImageSet
    validation: ImageSet
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    validation_rows: tuple[int, ...]
    fingerprint: str
    reading: Reading = "pixels"
    notes: tuple[str, ...] = ()


class DataSource(ABC):
    """Where images come from. Options of its spec arrive as keyword arguments."""

    @abstractmethod
    def load(self, seed: int) -> SearchData:
        """Training and validation images; the same for the same seed.

        Raises:
            DataError: nothing usable can be read.
        """

    @abstractmethod
    def test(self) -> ImageSet:
        """The test images, prepared as the training images were."""

    def inventory(self, data: SearchData) -> Inventory:
        """What this source holds, all its splits checked; called when a run is planned.

        ``data`` is what :meth:`load` gave. Here the test images are made for it and forgotten: a
        source for which that takes long should list their labels instead.

        Raises:
            DataError: a split cannot be used.
        """
        test = self.test()
        check_test(test, data)
        splits = [
            ("training", "", data.train.labels),
            ("validation", "", data.validation.labels),
            ("test", "", test.labels),
        ]
        sets = {"training": data.train, "validation": data.validation, "test": test}
        return inventory_of(data.classes, splits, notes=shared_images(sets))


class NoImages(DataSource):
    """No images at all, for runs in which nothing looks at any."""

    def load(self, seed: int) -> SearchData:
        nothing = self.test()
        return SearchData("none", nothing, nothing, (), (), (), (), "none")

    def inventory(self, data: SearchData) -> Inventory:
        return Inventory()

    def test(self) -> Images:
        return Images(torch.empty((0, 1, 1, 1), dtype=torch.uint8), torch.empty(0).long())


def inventory(source: DataSource, data: SearchData) -> Inventory:
    """What a source holds, all its splits checked, where ``data`` is what it loaded.

    Raises:
        DataError: a split cannot be used, for whatever reason.
    """
    try:
        if len(data.train) or data.classes:
            check_loaded(data)
        return source.inventory(data)
    except EvoNasError:
        raise
    except Exception as error:  # it may be anybody's
        raise DataError(f"the splits of {data.name} cannot be read: {describe(error)}") from error


def carve(
    labels: npt.ArrayLike,
    part: float,
    generator: np.random.Generator,
    what: str = "validation",
    classes: Sequence[str] = (),
) -> tuple[Rows, Rows]:
    """Split rows at random, keeping the classes' proportions: (rows kept, rows carved out), sorted.

    ``labels`` are integers (n,); ``part`` is a share below 1 or a number of rows from 1 up.
    Every class has a row on both sides, even if the share is less than that. ``classes`` are names
    for messages.

    Raises:
        DataError: there are too few rows for that.
    """
    labels = np.asarray(labels, dtype=np.int64)
    if not 0 < part < math.inf or (part >= 1 and part != int(part)):
        raise DataError(f"{what}={part}: give a share between 0 and 1, or a whole number of images")
    present, sizes = np.unique(labels, return_counts=True)
    if sizes.min(initial=2) < 2:
        scarce = int(present[sizes.argmin()])
        name = repr(classes[scarce]) if classes else str(scarce)
        raise DataError(
            f"of class {name} a single image is left for the {what} split and for training, which "
            "need one each; add images of it or leave the class out"
        )
    wanted = int(part) if part >= 1 else max(len(present), round(part * len(labels)))
    if wanted < len(present) or wanted > len(labels) - len(present):
        raise DataError(
            f"{what}={part} is {wanted} of {len(labels)} images, but each of {len(present)} "
            "classes needs one inside and one outside; choose another number or add images"
        )
    order = in_proportion(labels, generator)
    _, last = np.unique(labels[order[::-1]], return_index=True)
    candidates = np.delete(order, len(order) - 1 - last)  # the last of each class stays outside
    inside = np.zeros(len(labels), dtype=bool)
    inside[candidates[:wanted]] = True
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def search_data(
    name: str,
    train: ImageSet,
    validation: ImageSet,
    classes: Sequence[str],
    validation_rows: Rows | Sequence[int],
    statistics: Statistics | None = None,
    *,
    reading: Reading = "pixels",
    notes: Sequence[str] = (),
) -> SearchData:
    """Check both splits and add their statistics and fingerprint.

    ``statistics`` are mean and standard deviation by channel, 0..1; by default they are those of
    all training pixels. ``reading`` and ``notes`` are those of :class:`SearchData`; that most
    pictures are constant is noted here.

    Raises:
        DataError: the images or labels cannot be trained on.
    """
    check_images(train, classes, f"the training split of {name}")
    check_images(validation, classes, f"the validation split of {name}", every=False)
    digest = hashlib.sha256()
    for images in (train, validation):
        images.feed(digest)
    rows = np.asarray(validation_rows, dtype="<i8")
    digest.update(rows.data)
    if statistics is not None:
        digest.update(repr(statistics).encode())
    mean, std = statistics or channel_statistics(train.load().pixels)
    return SearchData(
        name,
        train,
        validation,
        tuple(classes),
        mean,
        std,
        tuple(rows.tolist()),
        digest.hexdigest(),
        reading,
        (*notes, *flat_note(train, name)),
    )


def check_loaded(data: SearchData) -> None:
    """Check what a source has loaded, by whatever means it was made; a DataError if it is wrong."""
    for split, images in (("training", data.train), ("validation", data.validation)):
        check_images(images, data.classes, f"the {split} split of {data.name}", every=False)
    (channels, size), (others, other_size) = data.train.shape, data.validation.shape
    if (channels, size) != (others, other_size):
        raise DataError(
            f"the validation split of {data.name} is of {others}x{other_size}x{other_size} pixels, "
            f"the training split of {channels}x{size}x{size}; make them alike"
        )
    for name, numbers, lowest in (("mean", data.mean, -math.inf), ("std", data.std, 0.0)):
        if len(numbers) != channels or not all(lowest < n < math.inf for n in numbers):
            raise DataError(
                f"{name} of {data.name} is {numbers}; give {channels} finite numbers, one for each "
                f"channel{', above 0' * (name == 'std')}"
            )


def check_test(images: ImageSet, data: SearchData) -> None:
    """Check that a network which was trained on ``data`` can be tested on these images.

    Raises:
        DataError: it cannot.
    """
    what = f"the test split of {data.name}"
    check_images(images, data.classes, what, every=False)
    (channels, _), (wanted, _) = images.shape, data.train.shape
    if channels != wanted:
        raise DataError(f"{what} has {channels} channels, the training split {wanted}")


def check_images(
    images: ImageSet, classes: Sequence[str], what: str, *, every: bool = True
) -> None:
    """Check types, shapes and labels, and that every class occurs, or with ``every`` off any."""
    labels = images.labels
    if not len(labels):
        raise DataError(f"{what} has no images")
    if len(classes) < 2:
        raise DataError(f"{what} has {len(classes)} class; give images of at least 2 classes")
    if isinstance(images, Images):
        pixels = images.pixels
        if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[2] != pixels.shape[3]:
            raise DataError(
                f"{what}: pixels must be uint8 (n, channels, size, size), "
                f"not {pixels.dtype} {tuple(pixels.shape)}"
            )
        if labels.dtype != torch.int64 or labels.shape != pixels.shape[:1]:
            raise DataError(
                f"{what}: labels must be int64 ({len(pixels)},), "
                f"not {labels.dtype} {tuple(labels.shape)}"
            )
    wrong = labels[(labels < 0) | (labels >= len(classes))]
    if len(wrong):
        raise DataError(
            f"{what}: label {int(wrong[0])} is out of range; with {len(classes)} classes labels "
            f"are 0 to {len(classes) - 1}"
        )
    missing = (torch.bincount(labels, minlength=len(classes)) == 0).nonzero().flatten().tolist()
    if missing and every:
        raise DataError(
            f"{what} has no image of class {classes[missing[0]]!r} ({len(missing)} of "
            f"{len(classes)} classes are missing); add images or leave the class out"
        )


def channel_statistics(pixels: Tensor) -> Statistics:
    """Mean and standard deviation by channel of uint8 pixels (n, channels, size, size), in 0..1.

    Counted in integers, so that the figures are the same on every machine.
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(pixels.shape[1]):
        counts = np.bincount(pixels[:, channel].numpy().reshape(-1), minlength=256)
        shares = counts / counts.sum()
        mean = float((shares * values).sum())
        means.append(mean)
        variance = float((shares * (values - mean) ** 2).sum())
        deviations.append(max(variance**0.5, 1 / 255))  # flat pictures must not divide by zero
    return tuple(means), tuple(deviations)
