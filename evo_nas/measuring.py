"""Images in batches on a device, and what a network does with them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from .data import Images
from .images import prepare

MEASURE_BATCH = 256  # a constant: the batch size must not change what is measured


@dataclass(slots=True)
class Ledger:
    """What a result has cost, in images: ``trained`` forward and backward, ``measured`` forward.

    It counts what the result rests on, once: also what was done before a stop, and what shared
    weights or scores that were taken from an earlier run have cost there.
    """

    trained: int = 0
    measured: int = 0

    @property
    def passes(self) -> int:
        """In forward passes of one image; a backward pass computes about twice as much."""
        return 3 * self.trained + self.measured

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(self.trained + other.trained, self.measured + other.measured)

    def __sub__(self, other: Ledger) -> Ledger:
        return Ledger(self.trained - other.trained, self.measured - other.measured)


class ChannelStatistics(Protocol):
    """How images are normalised; :class:`evo_nas.data.SearchData` says so."""

    @property
    def mean(self) -> tuple[float, ...]:
        """Of the training pixels, by channel, in 0..1."""

    @property
    def std(self) -> tuple[float, ...]:
        """Likewise; none is 0."""


class Batches:
    """Images on a device as uint8, turned into what a network reads batch by batch.

    ``size`` is pixels of a side that the network reads; ``data`` says how to normalise: by ``mean``
    and ``std``.
    """

    def __init__(
        self, images: Images, data: ChannelStatistics, size: int, device: str = "cpu"
    ) -> None:
        self._pixels = images.pixels.to(device)
        self._labels = images.labels.to(device)
        self.mean, self.std, self._size = data.mean, data.std, size
        self.device = torch.device(device)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._labels)

    @property
    def decodes(self) -> bool:
        """Whether :meth:`epoch` itself crops at random, as pictures are decoded then."""
        return False

    def take(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Float images (n, channels, size, size) and labels int64 (n,)."""
        return prepare(self._pixels[rows], self.mean, self.std, self._size), self._labels[rows]

    def epoch(
        self, order: Tensor, seed: int, *, crop: tuple[float, float] | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch of training: ``order`` int64 (steps, batch size), rows.

        ``crop`` asks for random resized crops of such shares of the area, and ``seed`` decides
        what is random about how images are read. Images in memory ignore both: they are cropped
        later, by :class:`evo_nas.augmentation.Augmenter`.
        """
        for rows in order.to(self.device):
            yield self.take(rows)

    def in_order(self, batch_size: int = MEASURE_BATCH) -> Iterator[tuple[Tensor, Tensor]]:
        """All images, batch by batch."""
        for start in range(0, len(self), batch_size):
            yield self.take(slice(start, start + batch_size))


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a network does with images: ``correct`` bool (n,), in their order, and the mean loss."""

    correct: npt.NDArray[np.bool_]
    loss: float

    def metrics(self) -> dict[str, float]:
        """Accuracy, its standard error over images, the loss, and the accuracy of two halves.

        The halves are the images at even and at odd places; how far they agree about candidates
        says how far the images suffice to rank them.
        """
        accuracy = float(self.correct.mean())
        return {
            "accuracy": accuracy,
            "loss": self.loss,
            "standard_error": math.sqrt(accuracy * (1 - accuracy) / len(self.correct)),
            "accuracy_even": float(self.correct[::2].mean()),
            "accuracy_odd": float(self.correct[1::2].mean()),
        }


@torch.inference_mode()
def measure(network: nn.Module, batches: Batches, ledger: Ledger | None = None) -> Measurement:
    """Classify all images with a network that is on their device; it is left in evaluation mode."""
    network.eval()
    correct, loss = [], 0.0
    for images, labels in batches.in_order():
        with torch.autocast(images.device.type, torch.bfloat16, enabled=images.is_cuda):
            logits = network(images)
        logits = logits.float()
        correct.append((logits.argmax(1) == labels).cpu().numpy())
        loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
    if ledger is not None:
        ledger.measured += len(batches)
    return Measurement(np.concatenate(correct), loss / len(batches))


@contextlib.contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Make the initial weights of what is built inside depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Compute with so many threads of the CPU for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
