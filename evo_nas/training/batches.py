"""Images in batches on a device, and what a network does with them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from evo_nas.data.images import Crop, ImageSet, prepare
from evo_nas.data.source import SearchData
from evo_nas.errors import TrainingError

from .ledger import Ledger

MEASURE_BATCH = 256  # a constant: the batch size must not change what is measured


class Batches:
    """Images in batches on a device, normalised for a network.

    ``size`` is pixels of a side that the network reads; ``data``, of which the images are some,
    says how to normalise: by ``mean`` and ``std``.
    """

    def __init__(self, images: ImageSet, data: SearchData, size: int, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self._images = images.at(self.device)
        self._labels = images.labels.to(self.device)
        self.data, self.size, self.mean, self.std = data, size, data.mean, data.std

    def __len__(self) -> int:
        """The number of images."""
        return len(self._labels)

    @property
    def decodes(self) -> bool:
        """Whether :meth:`epoch` itself crops at random, as pictures are decoded then."""
        return self._images.decodes

    def notes(self) -> list[str]:
        """Notes for people about reading the images so far."""
        return self._images.notes()

    def take(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Float images (n, channels, size, size) and labels int64 (n,)."""
        return next(self.epoch([torch.arange(len(self))[rows]]))

    def in_order(self, batch_size: int = MEASURE_BATCH) -> Iterator[tuple[Tensor, Tensor]]:
        """All images, batch by batch."""
        return self.epoch(torch.split(torch.arange(len(self)), batch_size))

    def epoch(
        self, order: Tensor | Sequence[Tensor], seed: int = 0, *, crop: Crop | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels, as :meth:`take` gives them, batch by batch.

        ``order`` are the rows of each batch, int64; ``crop`` asks for a random resized crop where
        pictures are decoded now, and ``seed`` decides which: see
        :meth:`evo_nas.data.images.ImageSet.read`.
        """
        order = list(order)
        # Closed, whatever stops it: there may be processes behind it.
        with contextlib.closing(self._images.read(order, self.device, seed, crop)) as batches:
            for rows, pixels in zip(order, batches, strict=True):
                labels = self._labels[rows.to(self.device)]
                yield prepare(pixels, self.mean, self.std, self.size), labels


@dataclass(frozen=True, slots=True)
class Measurement:
    """Images classified, in their order: ``labels`` int64 (n,), the classes that they were
    ``taken`` for, int64 (n,), and the mean loss.
    """

    labels: npt.NDArray[np.int64]
    taken: npt.NDArray[np.int64]
    loss: float

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each was recognised, bool (n,)."""
        return np.equal(self.labels, self.taken, dtype=np.bool_)

    def metrics(self) -> dict[str, float]:
        """Accuracy, its standard error over images, the loss, and the accuracy of two halves.

        The halves are the images at even and at odd places; how far they agree about candidates
        says how far the images suffice to rank them.
        """
        correct = self.correct
        accuracy = float(correct.mean())
        return {
            "accuracy": accuracy,
            "loss": self.loss,
            "standard_error": math.sqrt(accuracy * (1 - accuracy) / len(correct)),
            "accuracy_even": float(correct[::2].mean()),
            "accuracy_odd": float(correct[1::2].mean()),
        }


@torch.inference_mode()
def measure(network: nn.Module, batches: Batches, ledger: Ledger | None = None) -> Measurement:
    """Classify all images with a network that is on their device; it is left in evaluation mode.

    Images that do not fit into memory together go through the network in parts: in evaluation mode
    they do not see each other.

    Raises:
        TrainingError: a single image does not fit.
    """
    network.eval()
    known, taken, loss, size = [], [], 0.0, MEASURE_BATCH
    for images, labels in batches.in_order():
        logits, size = classify(network, images, size)
        known.append(labels.cpu().numpy())
        taken.append(logits.argmax(1).cpu().numpy())
        loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
    if ledger is not None:
        ledger.measured += len(batches)
    return Measurement(np.concatenate(known), np.concatenate(taken), loss / len(batches))


def classify(network: nn.Module, images: Tensor, size: int) -> tuple[Tensor, int]:
    """Logits float32 (n, classes), from ``size`` images at a time or as many as fit, and that."""
    while True:
        try:
            with torch.autocast(images.device.type, torch.bfloat16, enabled=images.is_cuda):
                logits = torch.cat([network(part) for part in torch.split(images, size)])
            return logits.float(), size
        except torch.OutOfMemoryError:
            pass  # what it holds is free only after this block
        if size == 1:
            raise TrainingError(
                f"a single image does not fit into the memory of {images.device} to be measured; "
                "choose a narrower geometry or a device with more memory"
            )
        size = min(size, len(images)) // 2 or 1
        if images.is_cuda:
            torch.cuda.empty_cache()


@contextlib.contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Make the initial weights of what is built inside depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
