"""Optimizer steps of one path or several, in as many micro-batches as the device's memory asks for.

Why: docs/decisions/024-micro-batches.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from evo_nas.errors import TrainingError

from .augmentation.mixup import Batch
from .recipe import Phase
from .sandwich import Selection, path_losses


class Stepper:
    """Steps of one training.

    A batch that does not fit into memory is cut in halves, quarters, and so on, whose gradients are
    added up: the step equals the whole batch's, except that BatchNorm sees each part alone.
    ``parts``, the number of micro-batches in a batch, stays for the steps that follow; ``say`` is
    told when it changes.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        phase: Phase,
        say: Callable[[str], None],
    ) -> None:
        self._network, self._optimizer, self._phase, self._say = network, optimizer, phase, say
        self._before = _State(network)
        self.parts = 1

    def __call__(self, batch: Batch, paths: Sequence[Selection] = ()) -> Tensor:
        """Take one step, for which the gradients of all ``paths`` are added up; their mean loss."""
        self._before.save(batch.images.device)
        while True:
            try:
                loss = self._add_gradients(batch, paths)
                break
            except torch.OutOfMemoryError:
                pass  # what it holds is free only after this block
            self._before.restore()
            self._halve(len(batch), batch.images.device)
        if self._phase.gradient_clip:
            clip_grad_norm_(self._network.parameters(), self._phase.gradient_clip)
        self._optimizer.step()
        return loss

    def _add_gradients(self, batch: Batch, paths: Sequence[Selection]) -> Tensor:
        # None instead of zeros: optimizers skip what has no gradient, so that neither momentum nor
        # weight decay moves the weights of paths that this step did not take.
        self._optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=batch.images.device)
        for part in batch.split(self.parts):
            for mean in path_losses(self._logits, part, self._phase, paths):
                loss = mean * (len(part) / len(batch))
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        return total / max(len(paths), 1)

    def _logits(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, images.is_cuda):
            logits: Tensor = self._network(images)
        return logits.float()

    def _halve(self, images: int, device: torch.device) -> None:
        if self.parts >= images:
            raise TrainingError(
                f"a single image of a batch does not fit into the memory of {device}; choose a "
                "narrower geometry or a device with more memory"
            )
        self.parts = min(2 * self.parts, images)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        size = -(-images // self.parts)
        self._say(
            f"a batch does not fit into the memory of {device}: from here on a step of {images} "
            f"images takes {self.parts} micro-batches of at most {size}; BatchNorm layers see "
            "only those, so they train a little differently"
        )


class _State:
    """The state that a forward pass changes: BatchNorm statistics and random streams."""

    def __init__(self, network: nn.Module) -> None:
        self._buffers = list(network.buffers())
        self._copies = [buffer.clone() for buffer in self._buffers]

    def save(self, device: torch.device) -> None:
        self._device = device
        self._cpu_stream = torch.get_rng_state()
        self._stream = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        if self._buffers:  # a supernet has a thousand small ones: all in one call
            torch._foreach_copy_(self._copies, self._buffers)

    def restore(self) -> None:
        torch.set_rng_state(self._cpu_stream)
        if self._stream is not None:
            torch.cuda.set_rng_state(self._stream, self._device)
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._copies)
