"""Image data: what a search may see, and a test split that it cannot.

A :class:`DataSource` is found like every plug-in (``digits``, a folder, ``package.module:Attr``). Its
:meth:`~DataSource.load` gives the training images and a validation split carved from them by seed;
the test images come from another method, which a run calls once, at the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Images:
    """``pixels`` uint8 (n, channels, size, size) and ``labels`` int64 (n,)."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class SearchData:
    """What a search may see. ``mean`` and ``std`` are the training pixels', by channel, in 0..1.

    ``validation_rows`` are the rows of the source's training split that were carved out, and
    ``fingerprint`` is a digest of all pixels, labels and the split.
    """

    name: str
    train: Images
    validation: Images
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    validation_rows: tuple[int, ...]
    fingerprint: str


class DataSource(ABC):
    """Where images come from. Options of its spec arrive as keyword arguments."""

    @abstractmethod
    def load(self, seed: int) -> SearchData:
        """Training and validation images; the same for the same seed.

        Raises:
            DataError: nothing usable can be read.
        """

    @abstractmethod
    def test(self) -> Images:
        """The test images, prepared as the training images were."""
