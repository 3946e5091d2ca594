"""One training loop, for shared weights and for networks from scratch.

Everything random is derived from streams by epoch, and a checkpoint is written at the end of each
epoch: a training that was stopped and goes on gives the same weights, bit for bit, as one that was
not (on the CPU for the same number of threads, see :func:`evo_nas.measuring.torch_threads`).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .augmentation import Augmenter
from .errors import CheckpointError, EvaluatorError
from .files import load_checkpoint, save_checkpoint
from .measuring import Batches
from .optimizing import make_optimizer, set_learning_rate
from .progress import Progress, Silent
from .recipe import Phase
from .stepping import Stepper
from .stochastic_depth import UNKNOWN, set_stochastic_depth
from .streams import Streams

SECONDS_BETWEEN_NOTES = 2.0  # within an epoch; each waits for the device


@dataclass(frozen=True, slots=True)
class Epoch:
    """How an epoch went: the mean loss, the rate of the last step, images trained in a second.

    ``number`` counts from 1 to ``epochs``.
    """

    number: int
    epochs: int
    loss: float
    learning_rate: float
    images_per_second: float


def fit(
    network: nn.Module,
    batches: Batches,
    phase: Phase,
    streams: Streams,
    *,
    epochs: int | None = None,
    before_step: Callable[[int], None] | None = None,
    after_epoch: Callable[[Epoch, nn.Module], str] | None = None,
    checkpoint: Path | None = None,
    subject: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    what: str = "training",
) -> None:
    """Train ``network``, which is on the batches' device already, by a recipe's phase.

    ``before_step`` is told the number of each step (a supernet selects a path then); ``epochs``
    overrides the phase's. ``after_epoch`` is called with the network as it would be saved then, and
    returns what it has to add to the progress. With a ``checkpoint`` path, training goes on from
    that file if it exists; it is left there at the end. ``subject`` says what is trained, so that
    a checkpoint of something else is refused.
    Images that do not fill a last batch are left out of an epoch, other ones each time.

    Raises:
        EvaluatorError: the loss is no longer a finite number, or the device's memory is too small.
        CheckpointError: the checkpoint is damaged or of another training.
    """
    progress = progress or Silent()
    progress.start(what, epochs or phase.epochs, "epochs")
    phase = replace(phase, epochs=epochs or phase.epochs)
    training = _Training(network, batches, phase, streams, subject or {}, progress)
    first = training.resume(checkpoint) if checkpoint is not None else 0
    if first:
        progress.say(f"{what}: {first} of {training.epochs} epochs are done; it goes on from there")
        progress.advance(first)
    with _private_torch_stream(batches.device):
        for number in range(first, training.epochs):
            try:
                epoch = training.run_epoch(number, before_step)
            except torch.OutOfMemoryError as error:
                raise EvaluatorError(
                    f"{what}: the memory of {batches.device} does not hold the weights and a batch "
                    f"of {training.batch_size} images; lower batch_size in the recipe, and "
                    "learning_rate with it"
                ) from error
            if not math.isfinite(epoch.loss):
                raise EvaluatorError(
                    f"{what}: the loss became {epoch.loss} in epoch {epoch.number}; in the recipe, "
                    f"lower the learning rate ({phase.learning_rate}) or lengthen the warm-up "
                    f"({phase.warmup})"
                )
            if checkpoint is not None:
                training.save(checkpoint, epoch.number)
            more = after_epoch(epoch, training.result) if after_epoch is not None else ""
            progress.advance(epoch.number, _note(epoch.loss, epoch.images_per_second) + more)
    if training.average is not None:
        network.load_state_dict(training.average.module.state_dict())


def images_trained(phase: Phase, epochs: int, available: int) -> int:
    """How many images :func:`fit` trains on, repeated ones counted each time."""
    batch_size = min(phase.batch_size, available)
    return epochs * (available // batch_size) * batch_size


class _Training:
    """What a training works on, epoch by epoch."""

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        phase: Phase,
        streams: Streams,
        subject: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self.network, self.batches, self.phase, self.streams = network, batches, phase, streams
        self.epochs, self.progress = phase.epochs, progress
        self.batch_size = min(phase.batch_size, len(batches))
        self.steps = len(batches) // self.batch_size  # an epoch
        if not set_stochastic_depth(network, phase.stochastic_depth) and phase.stochastic_depth:
            progress.say(UNKNOWN)
        self.optimizer = make_optimizer(network, phase, batches.device.type)
        self.augment = Augmenter(phase.augmentation, batches)
        self.step = Stepper(network, self.optimizer, phase, progress.say)
        self.average: AveragedModel | None = None
        if phase.weight_average:
            decay = get_ema_multi_avg_fn(phase.weight_average)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(network, multi_avg_fn=decay, use_buffers=True)
        settings = {**subject, **asdict(phase), "images": len(batches), "seed": streams.seed}
        self.identity = {key: str(value) for key, value in settings.items()}

    @property
    def result(self) -> nn.Module:
        """The network as it would be saved now."""
        return self.network if self.average is None else self.average.module

    def run_epoch(self, epoch: int, before_step: Callable[[int], None] | None) -> Epoch:
        """Train for one epoch, numbered from 0."""
        torch.manual_seed(self.streams.number("torch", epoch))  # dropout and the like
        self.network.train()
        total = torch.zeros((), device=self.batches.device)
        began = shown = time.perf_counter()
        seed, scale = self.streams.number("read", epoch), self.phase.augmentation.crop_scale
        crop = (scale, 1.0) if scale < 1 else None
        batches = self.batches.epoch(self._order(epoch), seed, crop=crop)
        for done, (images, labels) in enumerate(batches, 1):
            number = epoch * self.steps + done - 1
            set_learning_rate(self.optimizer, self.phase, number, self.epochs * self.steps)
            if before_step is not None:
                before_step(number)
            stream = self.streams.generator("augmentation", number)
            total += self.step(self.augment(images, labels, stream))
            if self.average is not None:
                self.average.update_parameters(self.network)
            now = time.perf_counter()
            if now - shown >= SECONDS_BETWEEN_NOTES and done < self.steps:
                shown = now
                pace = done * self.batch_size / (now - began)
                self.progress.advance(epoch + done / self.steps, _note(float(total) / done, pace))
        loss = float(total) / self.steps  # waits for the device
        pace = self.steps * self.batch_size / (time.perf_counter() - began)
        return Epoch(epoch + 1, self.epochs, loss, self.optimizer.param_groups[0]["lr"], pace)

    def _order(self, epoch: int) -> Tensor:
        """Rows of images int64 (steps, batch size), all different but for repeats in a batch."""
        repeats = self.phase.repeated_augmentation
        different = -(-self.batch_size // repeats)
        order = self.streams.generator("order", epoch).permutation(len(self.batches))
        order = order[: self.steps * different].reshape(self.steps, different)
        return torch.from_numpy(np.tile(order, repeats)[:, : self.batch_size])

    def save(self, path: Path, epoch: int) -> None:
        """Write everything that epoch number ``epoch`` starts from."""
        state = {
            "identity": self.identity,
            "epoch": epoch,
            "parts": self.step.parts,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        save_checkpoint(path, state)

    def resume(self, path: Path) -> int:
        """The number of epochs that are done; everything is as it was then."""
        state = load_checkpoint(path, self.progress.say)
        if state is None:
            return 0
        known = state["identity"]
        if not isinstance(known, dict):
            raise CheckpointError(f"checkpoint {path} is of an earlier version; delete it")
        for key, value in self.identity.items():
            if known.get(key) != value:
                raise CheckpointError(
                    f"checkpoint {path} belongs to another training: {key} is {known.get(key)} "
                    f"there, {value} here; delete it to train anew"
                )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.step.parts = state["parts"]
        return int(state["epoch"])


def _note(loss: float, pace: float) -> str:
    return f"loss {loss:.3f}, {pace:,.0f} images/s"


@contextlib.contextmanager
def _private_torch_stream(device: torch.device) -> Iterator[None]:
    """Put torch's global generators back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
