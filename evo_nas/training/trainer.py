"""One training: network, optimizer and rate, order of images, averaged weights, snapshots.

Everything random is derived from streams by epoch or step, so that an epoch depends on the state
that it starts from and on nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from evo_nas.core.progress import Progress
from evo_nas.core.streams import Streams
from evo_nas.space.network import UNKNOWN, set_stochastic_depth

from .augmentation.augment import Augmenter
from .batches import Batches
from .recipe import Phase
from .steps.sandwich import BeforeStep
from .steps.step import Stepper
from .teachers.teacher import Teacher

NEVER_DECAYED = {"cls_token", "pos_embed"}  # the names that vision transformers in PyTorch use


def make_optimizer(network: nn.Module, phase: Phase, device: str = "cpu") -> torch.optim.Optimizer:
    """The phase's optimizer.

    AdamW leaves vectors (biases, norms), class token and position embedding undecayed, as DeiT
    does; SGD's L2 applies to everything, as in the paper.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    if phase.optimizer == "sgd":
        # Fused SGD crashes where only some parameters have gradients (torch 2.13, CPU).
        return torch.optim.SGD(
            [p for _, p in named],
            lr=phase.learning_rate,
            momentum=phase.momentum,
            nesterov=phase.momentum > 0,
            weight_decay=phase.weight_decay,
            foreach=True,
        )
    assert phase.optimizer == "adamw", "recipes are checked when they are read"
    undecayed = {n for n, p in named if p.ndim <= 1 or n.rpartition(".")[2] in NEVER_DECAYED}
    groups: list[dict[str, Any]] = [
        {"params": [p for n, p in named if n not in undecayed]},
        {"params": [p for n, p in named if n in undecayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=phase.learning_rate,
        weight_decay=phase.weight_decay,
        fused=device in {"cpu", "cuda"},
    )


def set_learning_rate(
    optimizer: torch.optim.Optimizer, phase: Phase, step: int, steps: int, factor: float = 1.0
) -> None:
    """Set the rate of one step of ``steps``: a linear warm-up, then a cosine to the floor.

    All of it is multiplied by ``factor``.
    """
    warmup = round(phase.warmup * steps)
    if step < warmup:
        lowest, share = phase.warmup_start, (step + 1) / warmup
    else:
        lowest = phase.learning_rate_floor
        share = (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
    for group in optimizer.param_groups:
        group["lr"] = factor * (lowest + (phase.learning_rate - lowest) * share)


def training_memory(network: nn.Module, phase: Phase) -> int:
    """Bytes that a training keeps of a network's weights; of activations nothing is known.

    Weights, gradients and the optimizer's memory of them, moving averages; and the two states that
    a training which diverges goes back to: the start, and the end of the last good epoch.
    """
    moments = 2 if phase.optimizer == "adamw" else int(phase.momentum > 0)
    average = int(phase.weight_average > 0)
    state = 1 + moments + average
    size = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    return size * (state + 1 + (1 + average) + state)


def copied(state: Any) -> Any:
    """The same mappings and sequences, with copies of all tensors on the CPU."""
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, Mapping):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(copied(value) for value in state)
    return state


def not_finite(state: Mapping[str, Any]) -> list[str]:
    """The names of tensors with a NaN or an infinity, as in ``network.head.weight``.

    Waits once for the device, not once for each tensor.
    """
    named = list(_floats(state, ""))
    if not named:
        return []
    flags = [tensor.isfinite().all() for _, tensor in named]
    finite = torch.stack([flag.to(flags[0].device) for flag in flags]).tolist()
    return [name for (name, _), fine in zip(named, finite, strict=True) if not fine]


def _floats(state: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        if state.is_floating_point():
            yield name, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from _floats(value, f"{name}.{key}" if name else str(key))


SECONDS_BETWEEN_NOTES = 2.0  # within an epoch; each waits for the device


@dataclass(frozen=True, slots=True)
class Epoch:
    """The outcome of an epoch: mean loss, rate of the last step, images trained in a second.

    Where a step trains several paths, the loss is their mean, and images count for each.
    ``number`` counts from 1.
    """

    number: int
    loss: float
    learning_rate: float
    images_per_second: float


class DivergedError(Exception):
    """A loss, a weight, a statistic or the optimizer's memory is no longer a finite number."""


class Trainer:
    """A training in progress: network, optimizer, rate, order of images.

    ``factor`` multiplies the learning rate of the phase; ``notes`` are what is worth remembering.
    A ``teacher`` sees each batch as it is augmented. Up to so many ``processes`` propagate the
    shards of a step, if the phase has several; :meth:`close` ends those that were started.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        phase: Phase,
        streams: Streams,
        progress: Progress,
        teacher: Teacher | None = None,
        processes: int = 1,
    ) -> None:
        self._teacher = teacher
        self.network, self.batches, self.phase, self.streams = network, batches, phase, streams
        self.progress, self.factor = progress, 1.0
        self.notes: list[str] = []
        self.batch_size = min(phase.batch_size, len(batches))
        self.steps = len(batches) // self.batch_size  # an epoch
        if not set_stochastic_depth(network, phase.stochastic_depth) and phase.stochastic_depth:
            progress.say(UNKNOWN)
        self._optimizer = make_optimizer(network, phase, batches.device.type)
        self._augment = Augmenter(phase.augmentation, batches)
        seed = partial(streams.number, "torch")
        self.step = Stepper(network, self._optimizer, phase, self.say, seed, processes)
        self._average: AveragedModel | None = None
        if phase.weight_average:
            decay = get_ema_multi_avg_fn(phase.weight_average)  # type: ignore[no-untyped-call]
            self._average = AveragedModel(network, multi_avg_fn=decay, use_buffers=True)
        self._never_finite = set(not_finite(self.state()))  # such as masks of attention

    def say(self, message: str) -> None:
        """Tell a person what bears on the result, and remember it."""
        self.notes.append(message)
        self.progress.say(message)

    @property
    def result(self) -> nn.Module:
        """The network to be saved: the averaged weights, if the recipe averages."""
        return self.network if self._average is None else self._average.module

    def state(self) -> dict[str, Any]:
        """The state that the next epoch starts from, not copied."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        if self._average is not None:
            state["average"] = self._average.state_dict()
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to a state, which is not changed by what follows."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(copied(state["optimizer"]))  # it keeps what it is given
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def close(self) -> None:
        """End the processes of steps."""
        self.step.close()

    def run_epoch(self, epoch: int, before_step: BeforeStep | None) -> Epoch:
        """Train for one epoch, numbered from 0.

        Raises:
            DivergedError: the state is of no use any more. The loss is looked at in the end and
                every few seconds, when progress is shown, because each look waits for the device.
        """
        torch.manual_seed(self.streams.number("torch", epoch))  # dropout and the like
        self.network.train()
        losses, trained = torch.zeros(self.steps, device=self.batches.device), 0
        began = shown = time.perf_counter()
        seed, scale = self.streams.number("read", epoch), self.phase.augmentation.crop_scale
        crop = (scale, 1.0) if scale < 1 else None
        batches = self.batches.epoch(self._order(epoch), seed, crop=crop)
        for done, (images, labels) in enumerate(batches, 1):
            number, steps = epoch * self.steps + done - 1, self.phase.epochs * self.steps
            set_learning_rate(self._optimizer, self.phase, number, steps, self.factor)
            paths = (before_step(number) if before_step is not None else None) or ()
            stream = self.streams.generator("augmentation", number)
            batch = self._augment(images, labels, stream)
            if self._teacher is not None:
                batch = self._teacher.teach(batch)
            losses[done - 1] = self.step(batch, paths, number)
            trained += self.batch_size * (1 if self.phase.own_paths else max(len(paths), 1))
            if self._average is not None:
                self._average.update_parameters(self.network)
            now = time.perf_counter()
            if now - shown >= SECONDS_BETWEEN_NOTES and done < self.steps:
                shown = now
                told = pace_note(self._mean(losses[:done], epoch), trained / (now - began))
                self.progress.advance(epoch + done / self.steps, told)
        loss = self._mean(losses, epoch)
        for name in not_finite(self.state()):
            if name not in self._never_finite:
                raise DivergedError(f"{name} was no longer finite at the end of epoch {epoch + 1}")
        pace = trained / (time.perf_counter() - began)
        return Epoch(epoch + 1, loss, self._optimizer.param_groups[0]["lr"], pace)

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
    """A line for people about loss and pace."""
    return f"loss {loss:.3f}, {pace:,.0f} images/s"
