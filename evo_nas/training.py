"""One training loop, for shared weights and for networks from scratch.

Everything random is derived from streams by epoch, and a checkpoint is written at the end of each
epoch: a training that was stopped and goes on gives the same weights, bit for bit, as one that was
not (on the CPU for the same number of threads, see :func:`evo_nas.measuring.torch_threads`).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .errors import CheckpointError, EvaluatorError
from .files import load_checkpoint, save_checkpoint
from .measuring import Batches
from .optimizing import make_optimizer, set_learning_rate
from .progress import Progress, Silent
from .recipe import Phase
from .streams import Streams


def fit(
    network: nn.Module,
    batches: Batches,
    phase: Phase,
    streams: Streams,
    *,
    epochs: int | None = None,
    before_step: Callable[[int], None] | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    what: str = "training",
) -> None:
    """Train ``network``, which is on the batches' device already, by a recipe's phase.

    ``before_step`` is told the number of each step (a supernet selects a path then); ``epochs``
    overrides the phase's. With a ``checkpoint`` path, training goes on from that file if it exists;
    it is left there at the end.
    Images that do not fill a last batch are left out of an epoch, other ones each time.

    Raises:
        EvaluatorError: the loss is no longer a finite number.
        CheckpointError: the checkpoint is damaged or of another training.
    """
    progress = progress or Silent()
    training = _Training(network, batches, phase, streams, epochs or phase.epochs)
    first = training.resume(checkpoint) if checkpoint is not None else 0
    progress.start(what, training.epochs, "epochs")
    with _private_torch_stream(batches.device):
        for epoch in range(first, training.epochs):
            loss = training.run_epoch(epoch, before_step)
            if not math.isfinite(loss):
                raise EvaluatorError(
                    f"{what}: the loss became {loss} in epoch {epoch + 1}; in the recipe, lower "
                    f"the learning rate ({phase.learning_rate}) or lengthen the warm-up "
                    f"({phase.warmup})"
                )
            if checkpoint is not None:
                training.save(checkpoint, epoch + 1)
            progress.advance(epoch + 1, f"loss {loss:.3f}")


def images_trained(phase: Phase, epochs: int, available: int) -> int:
    """How many images :func:`fit` trains on, repeated ones counted each time."""
    batch_size = min(phase.batch_size, available)
    return epochs * (available // batch_size) * batch_size


class _Training:
    """What a training works on, epoch by epoch."""

    def __init__(
        self, network: nn.Module, batches: Batches, phase: Phase, streams: Streams, epochs: int
    ) -> None:
        self.network, self.batches, self.phase, self.streams = network, batches, phase, streams
        self.epochs = epochs
        self.batch_size = min(phase.batch_size, len(batches))
        self.steps = len(batches) // self.batch_size  # an epoch
        self.optimizer = make_optimizer(network, phase, batches.device.type)
        self.identity = f"{phase} epochs={epochs} images={len(batches)} seed={streams.seed}"

    def run_epoch(self, epoch: int, before_step: Callable[[int], None] | None) -> float:
        """Train for one epoch; the mean loss."""
        torch.manual_seed(self.streams.number("torch", epoch))  # dropout and the like
        device = self.batches.device
        order = self.streams.generator("order", epoch).permutation(len(self.batches))
        order = order[: self.steps * self.batch_size].reshape(self.steps, self.batch_size)
        self.network.train()
        total = torch.zeros((), device=device)
        batches = self.batches.epoch(torch.from_numpy(order), self.streams.number("read", epoch))
        for number, (images, labels) in enumerate(batches, epoch * self.steps):
            set_learning_rate(self.optimizer, self.phase, number, self.epochs * self.steps)
            if before_step is not None:
                before_step(number)
            total += self._step(images, labels)
        return float(total) / self.steps  # waits for the device, once an epoch

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One optimizer step; the batch's loss."""
        # None instead of zeros: optimizers skip what has no gradient, so that neither momentum nor
        # weight decay moves the weights of paths that this step did not take.
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=images.is_cuda):
            logits = self.network(images)
        loss = functional.cross_entropy(
            logits.float(), labels, label_smoothing=self.phase.label_smoothing
        )
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def save(self, path: Path, epoch: int) -> None:
        """Write everything that epoch number ``epoch`` starts from."""
        weights = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        save_checkpoint(path, {"identity": self.identity, "epoch": epoch, **weights})

    def resume(self, path: Path) -> int:
        """The number of epochs that are done; network and optimizer are as they were then."""
        state = load_checkpoint(path)
        if state is None:
            return 0
        if state.get("identity") != self.identity:
            raise CheckpointError(
                f"checkpoint {path} belongs to another training ({state.get('identity')}, not "
                f"{self.identity}); delete it to train anew"
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        return int(state["epoch"])


@contextlib.contextmanager
def _private_torch_stream(device: torch.device) -> Iterator[None]:
    """Put torch's global generators back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
