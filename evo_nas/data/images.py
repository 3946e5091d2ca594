"""Labelled images with one interface, and how stored pixels become what a network reads.

:class:`Images` holds pixels in memory; :class:`evo_nas.data.stored.StoredPictures` decodes pictures
that stay on disk whenever they are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor

Rows = npt.NDArray[np.int64]
Crop = tuple[float, float]  # the smallest and largest share of an image's area

LARGEST_ON_DEVICE = 4 * 2**30  # bytes of pixels; more stays on the host and moves batch by batch


class Digest(Protocol):
    """A digest of :mod:`hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes in."""


class ImageSet(ABC):
    """Labelled images of one size. ``labels`` are int64 (n,).

    ``decodes`` says whether images are decoded when they are read, with the crop asked for then.
    """

    decodes: ClassVar[bool] = False
    labels: Tensor

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Channels, and pixels of a side."""

    @property
    @abstractmethod
    def kept(self) -> str:
        """Where the pixels are, in words."""

    @abstractmethod
    def take(self, rows: Rows | Sequence[int]) -> Self:
        """The images of these rows, in this order."""

    @abstractmethod
    def load(self) -> Images:
        """All of them in memory."""

    def at(self, device: torch.device) -> Self:
        """The same images, kept where batches for ``device`` are best read from."""
        return self

    def for_processes(self, count: int) -> Self:
        """The same images for each of so many processes that read them side by side."""
        return self

    @abstractmethod
    def read(
        self, order: Iterable[Tensor], device: torch.device, seed: int = 0, crop: Crop | None = None
    ) -> Generator[Tensor, None, None]:
        """Batches of pixels on ``device``: uint8 (rows, channels, size, size).

        Each batch is given by its rows, int64 on the CPU. ``crop`` asks for a random resized crop,
        of a share of the area between the two; ``seed`` and an image's place in the order decide
        which. Images in memory ignore both: they are cropped on the device, after this.

        Raises:
            DataError: an image cannot be read.
        """

    def notes(self) -> list[str]:
        """Notes for people about reading these images so far, such as broken pictures."""
        return []

    @abstractmethod
    def feed(self, digest: Digest) -> None:
        """Take everything into the digest that tells these images and labels from others."""


@dataclass(frozen=True, slots=True)
class Images(ImageSet):
    """``pixels`` uint8 (n, channels, size, size) in memory, and ``labels``.

    They go to other processes as numpy arrays, which joblib lets processes share. ``told`` is what
    there is to know of how they were read.
    """

    pixels: Tensor
    labels: Tensor
    told: tuple[str, ...] = ()
    _arrays: list[npt.NDArray[Any]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def shape(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[-1]

    @property
    def kept(self) -> str:
        return f"in memory, {amount(self.pixels.nbytes)}"

    def take(self, rows: Rows | Sequence[int]) -> Images:
        index = torch.as_tensor(np.asarray(rows, dtype=np.int64))
        return Images(self.pixels[index], self.labels[index], self.told)

    def load(self) -> Images:
        return self

    def at(self, device: torch.device) -> Images:
        """On the device; pixels of more than LARGEST_ON_DEVICE on the host, pinned for a GPU."""
        pixels = self.pixels
        if pixels.nbytes <= LARGEST_ON_DEVICE or device.type == "cpu":
            pixels = pixels.to(device)
        elif device.type == "cuda":
            pixels = pixels.pin_memory()
        return Images(pixels, self.labels.to(device), self.told)

    def read(
        self, order: Iterable[Tensor], device: torch.device, seed: int = 0, crop: Crop | None = None
    ) -> Generator[Tensor, None, None]:
        for rows in order:
            yield self.pixels[rows.to(self.pixels.device)].to(device)

    def notes(self) -> list[str]:
        return list(self.told)

    def feed(self, digest: Digest) -> None:
        digest.update(repr(tuple(self.pixels.shape)).encode())
        digest.update(self.pixels.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().astype("<i8").data)

    def __reduce__(self) -> tuple[object, ...]:
        if not self._arrays:  # joblib knows an array that it has shared before by its identity
            self._arrays.extend((self.pixels.numpy(), self.labels.numpy()))
        return _of_arrays, tuple(self._arrays)


def in_proportion(labels: Rows, generator: np.random.Generator) -> Rows:
    """All rows in random order; every beginning of it holds the classes in proportion.

    The first rows are one of each class.
    """
    rows: Rows = generator.permutation(len(labels))
    rows = rows[np.argsort(labels[rows], kind="stable")]
    _, sizes = np.unique(labels, return_counts=True)
    within_class = np.concatenate([np.arange(size) / size for size in sizes])
    return rows[np.argsort(within_class, kind="stable")]


def amount(size: int) -> str:
    """A size in bytes for people."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.1f} MiB"


def _of_arrays(pixels: npt.NDArray[np.uint8], labels: Rows) -> Images:
    return Images(torch.from_numpy(pixels), torch.from_numpy(labels))


def prepare(pixels: Tensor, mean: Sequence[float], std: Sequence[float], size: int) -> Tensor:
    """Normalised images for a network, on the device where the pixels are.

    Args:
        pixels: uint8 (n, channels, height, width), 0 to 255; of other proportions the middle square
            is taken, as training takes it.
        mean: the mean of each channel, in 0..1; ``std`` the standard deviation.
        std: no entry is 0.
        size: pixels of a side that the network reads; other images are resized, bilinearly and with
            antialiasing.

    Returns:
        float32 (n, channels, size, size) with mean 0 and standard deviation 1 over the images that
        ``mean`` and ``std`` were taken from.
    """
    assert pixels.dtype == torch.uint8, "pixels are stored and moved as uint8"
    height, width = pixels.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = pixels[..., top : top + side, left : left + side].to(torch.float32)
    if images.shape[-2:] != (size, size):
        images = F.interpolate(
            images, size=(size, size), mode="bilinear", antialias=True, align_corners=False
        )
    # One multiplication and one addition: (pixel / 255 - mean) / std.
    means, stds = images.new_tensor(mean).view(-1, 1, 1), images.new_tensor(std).view(-1, 1, 1)
    return images.mul_(1 / (255 * stds)).add_(-means / stds)


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
