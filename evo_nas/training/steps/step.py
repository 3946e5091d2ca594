"""Optimizer steps of one path or several, in shards if asked, in micro-batches if memory is short.

Why: docs/decisions/024-micro-batches.md; of shards, docs/decisions/049-shards.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from evo_nas.errors import TrainingError
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.recipe import Phase

from .exchange import Copies, combine
from .gradients import Propagation, Shard, Total
from .helpers import Helpers, make_helpers
from .ranks import RankHelpers
from .sandwich import Selection


class Stepper:
    """Steps of one training.

    A phase's ``shards`` of a batch are propagated each by itself, by up to so many ``processes``;
    ``seed``, of the numbers of step and shard, is that of dropout there. BatchNorm sees each alone.
    All paths of a step train on all its shards, or each on one, as the phase says.

    A batch that does not fit into memory is cut in halves, quarters, and so on, whose gradients are
    added up: the step equals the whole batch's, except that BatchNorm sees each part alone.
    ``parts``, the number of micro-batches in a shard, stays for the steps that follow; ``say`` is
    told when it changes.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        phase: Phase,
        say: Callable[[str], None],
        seed: Callable[[int, int], int] = lambda step, shard: 0,
        processes: int = 1,
    ) -> None:
        self._network, self._optimizer, self._phase, self._say = network, optimizer, phase, say
        self._propagation, self._seed = Propagation(network, phase), seed
        self._processes = processes
        self.helpers: Helpers | RankHelpers | None = (
            None  # from the first step on, if there are shards
        )
        self._before = _State(network)
        self.parts = 1

    def __call__(self, batch: Batch, paths: Sequence[Selection] = (), number: int = 0) -> Tensor:
        """Take one step, for which the gradients of all ``paths`` are added up; their mean loss.

        Where shards have paths of their own, that is one for each shard of a whole batch.
        """
        self._before.save(batch.images.device)
        shards = self._phase.shards_of(len(batch))
        while True:
            # None instead of zeros: optimizers skip what has no gradient, so that neither momentum
            # nor weight decay moves the weights of paths that this step did not take.
            self._optimizer.zero_grad(set_to_none=True)
            try:
                if shards == 1:
                    loss = self._propagation.add(batch, len(batch), self._of(0, paths), self.parts)
                else:
                    loss = self._add_shards(batch, paths, number, shards)
                break
            except torch.OutOfMemoryError:
                pass  # what it holds is free only after this block
            self._before.restore()
            self._halve(len(batch), shards, batch.images.device)
        if self._phase.gradient_clip:
            clip_grad_norm_(self._network.parameters(), self._phase.gradient_clip)
        self._optimizer.step()
        return loss

    def close(self) -> None:
        """End the processes that steps were taken in."""
        if self.helpers is not None:
            self.helpers.close()

    def _add_shards(
        self, batch: Batch, paths: Sequence[Selection], step: int, count: int
    ) -> Tensor:
        if self.helpers is None:  # as late as this: the network is in training mode
            most = self._phase.shards
            beside = min(most, self._processes) - 1
            self.helpers = make_helpers(self._propagation, self._phase, most, beside)
        shards = [
            Shard(
                _alone(part),
                len(batch),
                self._of(number, paths),
                self.parts,
                self._seed(step, number),
            )
            for number, part in enumerate(batch.split(count))
        ]
        total, after = Total(), self.helpers.buffers[:count]
        try:
            own, others = self.helpers.deal(shards)
            for number in own:
                if number:
                    self._before.buffers.restore()
                total.add(number, self._propagation.share(shards[number]))
                after[number].save()
            for number, share in others:
                total.add(number, share)
        except BaseException:
            self.helpers.stop()
            raise
        combine(after)
        after[0].restore()
        self._propagation.give(total.gradients)
        assert total.loss is not None, "there is a shard at least"
        return total.loss

    def _of(self, shard: int, paths: Sequence[Selection]) -> Sequence[Selection]:
        """The paths that a shard trains."""
        return paths[shard : shard + 1] if self._phase.own_paths else paths

    def _halve(self, images: int, shards: int, device: torch.device) -> None:
        largest = -(-images // shards)
        if self.parts >= largest:
            raise TrainingError(
                f"a single image of a batch does not fit into the memory of {device}; choose a "
                "narrower geometry or a device with more memory"
            )
        self.parts = min(2 * self.parts, largest)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        size = -(-largest // self.parts)
        self._say(
            f"a batch does not fit into the memory of {device}: from here on a step of {images} "
            f"images takes {shards * self.parts} micro-batches of at most {size}; BatchNorm layers "
            "see only those, so they train a little differently"
        )


def _alone(part: Batch) -> Batch:
    """A part whose images begin where memory is aligned, as they will in another process."""
    return replace(part, images=part.images.clone())


class _State:
    """The state that a forward pass changes: BatchNorm statistics and random streams."""

    def __init__(self, network: nn.Module) -> None:
        self.buffers = Copies(list(network.buffers()))

    def save(self, device: torch.device) -> None:
        self._device = device
        self._cpu_stream = torch.get_rng_state()
        self._stream = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self.buffers.save()

    def restore(self) -> None:
        torch.set_rng_state(self._cpu_stream)
        if self._stream is not None:
            torch.cuda.set_rng_state(self._stream, self._device)
        self.buffers.restore()
