"""Epochs of one training: network, optimizer, order of images, augmentation, averaged weights.

Everything random is derived from streams by epoch or step, so that an epoch depends on the state
that it starts from and on nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from evo_nas.core.progress import Progress
from evo_nas.core.streams import Streams
from evo_nas.space.stochastic_depth import UNKNOWN, set_stochastic_depth

from .augment import Augmenter
from .batches import Batches
from .optimizing import make_optimizer, set_learning_rate
from .recipe import Phase
from .snapshots import copied, not_finite
from .step import Stepper

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


class DivergedError(Exception):
    """A loss, a weight, a statistic or the optimizer's memory is no longer a finite number."""


class Trainer:
    """What a training works on, epoch by epoch.

    ``say`` is told what a person should know; ``factor`` multiplies the learning rate of the phase.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        phase: Phase,
        streams: Streams,
        progress: Progress,
        say: Callable[[str], None],
    ) -> None:
        self.network, self.batches, self.phase, self.streams = network, batches, phase, streams
        self.epochs, self._progress, self.factor = phase.epochs, progress, 1.0
        self.batch_size = min(phase.batch_size, len(batches))
        self.steps = len(batches) // self.batch_size  # an epoch
        if not set_stochastic_depth(network, phase.stochastic_depth) and phase.stochastic_depth:
            progress.say(UNKNOWN)
        self._optimizer = make_optimizer(network, phase, batches.device.type)
        self._augment = Augmenter(phase.augmentation, batches)
        self.step = Stepper(network, self._optimizer, phase, say)
        self._average: AveragedModel | None = None
        if phase.weight_average:
            decay = get_ema_multi_avg_fn(phase.weight_average)  # type: ignore[no-untyped-call]
            self._average = AveragedModel(network, multi_avg_fn=decay, use_buffers=True)
        self._never_finite = set(not_finite(self.state()))  # such as masks of attention

    @property
    def result(self) -> nn.Module:
        """The network as it would be saved now."""
        return self.network if self._average is None else self._average.module

    def state(self) -> dict[str, Any]:
        """What an epoch starts from, not copied."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        if self._average is not None:
            state["average"] = self._average.state_dict()
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Be as it was when this was the state; the state stays as it is."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(copied(state["optimizer"]))  # it keeps what it is given
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def run_epoch(self, epoch: int, before_step: Callable[[int], None] | None) -> Epoch:
        """Train for one epoch, numbered from 0.

        Raises:
            DivergedError: the state is of no use any more. The loss is looked at in the end and
                every few seconds, when progress is shown, because each look waits for the device.
        """
        torch.manual_seed(self.streams.number("torch", epoch))  # dropout and the like
        self.network.train()
        losses = torch.zeros(self.steps, device=self.batches.device)
        began = shown = time.perf_counter()
        seed, scale = self.streams.number("read", epoch), self.phase.augmentation.crop_scale
        crop = (scale, 1.0) if scale < 1 else None
        batches = self.batches.epoch(self._order(epoch), seed, crop=crop)
        for done, (images, labels) in enumerate(batches, 1):
            number, steps = epoch * self.steps + done - 1, self.epochs * self.steps
            set_learning_rate(self._optimizer, self.phase, number, steps, self.factor)
            if before_step is not None:
                before_step(number)
            stream = self.streams.generator("augmentation", number)
            losses[done - 1] = self.step(self._augment(images, labels, stream))
            if self._average is not None:
                self._average.update_parameters(self.network)
            now = time.perf_counter()
            if now - shown >= SECONDS_BETWEEN_NOTES and done < self.steps:
                shown = now
                pace = done * self.batch_size / (now - began)
                told = pace_note(self._mean(losses[:done], epoch), pace)
                self._progress.advance(epoch + done / self.steps, told)
        loss = self._mean(losses, epoch)
        for name in not_finite(self.state()):
            if name not in self._never_finite:
                raise DivergedError(f"{name} was no longer finite at the end of epoch {epoch + 1}")
        pace = self.steps * self.batch_size / (time.perf_counter() - began)
        return Epoch(epoch + 1, self.epochs, loss, self._optimizer.param_groups[0]["lr"], pace)

    def _mean(self, losses: Tensor, epoch: int) -> float:
        values = losses.tolist()  # waits for the device
        for step, value in enumerate(values, 1):
            if not math.isfinite(value):
                raise DivergedError(
                    f"the loss became {value} in epoch {epoch + 1}, step {step} of {self.steps}"
                )
        return math.fsum(values) / len(values)

    def _order(self, epoch: int) -> Tensor:
        """Rows of images int64 (steps, batch size), all different but for repeats in a batch."""
        repeats = self.phase.repeated_augmentation
        different = -(-self.batch_size // repeats)
        order = self.streams.generator("order", epoch).permutation(len(self.batches))
        order = order[: self.steps * different].reshape(self.steps, different)
        return torch.from_numpy(np.tile(order, repeats)[:, : self.batch_size])


def pace_note(loss: float, pace: float) -> str:
    """How a training goes, for people."""
    return f"loss {loss:.3f}, {pace:,.0f} images/s"
