"""Loss and gradients of a batch or of a shard of it, and how those of shards are added up.

Sums of floating-point numbers depend on their order. That of shards is their own, wherever they
were propagated: a step is the same to the last bit for any number of processes.

Why: docs/decisions/049-shards.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.recipe import Phase

from .sandwich import Selection, path_losses


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a batch of ``whole`` images, with all that its gradients depend on beside weights.

    ``parts`` are its micro-batches; dropout and the like draw from the stream of ``seed``.
    """

    batch: Batch
    whole: int
    paths: Sequence[Selection]
    parts: int
    seed: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a shard adds to the loss, and to the gradient of each parameter that has one."""

    loss: Tensor
    gradients: Sequence[Tensor | None]


class Propagation:
    """Propagates images through a network forward, and losses backward, as a phase says."""

    def __init__(self, network: nn.Module, phase: Phase) -> None:
        self.network, self._phase = network, phase
        self._weights = list(network.parameters())

    def add(self, batch: Batch, whole: int, paths: Sequence[Selection], parts: int) -> Tensor:
        """Add the gradients of ``batch``, in so many ``parts``, to those that weights have.

        Those of all ``paths`` are added up. Returns what it adds to their mean loss, a scalar, if
        there are ``whole`` images in all.
        """
        total = torch.zeros((), device=batch.images.device)
        for part in batch.split(parts):
            for mean in path_losses(self.network, self._logits, part, self._phase, paths):
                loss = mean * (len(part) / whole)
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        return total / max(len(paths), 1)

    def share(self, shard: Shard) -> Share:
        """What a shard gives; the weights have no gradients before and after."""
        images = shard.batch.images
        with torch.random.fork_rng(devices=[images.device] if images.is_cuda else []):
            torch.manual_seed(shard.seed)
            loss = self.add(shard.batch, shard.whole, shard.paths, shard.parts)
        return Share(loss, self._taken())

    def give(self, gradients: Sequence[Tensor | None]) -> None:
        """Let the weights have these gradients."""
        for weight, gradient in zip(self._weights, gradients, strict=True):
            weight.grad = gradient

    def _taken(self) -> list[Tensor | None]:
        gradients = [weight.grad for weight in self._weights]
        self.give([None] * len(gradients))
        return gradients

    def _logits(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, images.is_cuda):
            logits: Tensor = self.network(images)
        return logits.float()


@dataclass(slots=True)
class Total:
    """The sum of shares by the number of their shard, in whatever order they come."""

    loss: Tensor | None = None
    gradients: list[Tensor | None] = field(default_factory=list)
    _waiting: dict[int, Share] = field(default_factory=dict)
    _next: int = 0

    def add(self, number: int, share: Share) -> None:
        """Add a share, as soon as those of all shards before it are in."""
        self._waiting[number] = share
        while (following := self._waiting.pop(self._next, None)) is not None:
            self._add(following)
            self._next += 1

    def _add(self, share: Share) -> None:
        if self.loss is None:
            self.loss, self.gradients = share.loss, list(share.gradients)
            return
        self.loss = self.loss + share.loss
        sums, more = [], []
        for position, gradient in enumerate(share.gradients):
            known = self.gradients[position]
            if gradient is not None and known is not None:
                sums.append(known)
                more.append(gradient)
            elif gradient is not None:  # a copy: its place is another's in the next step
                self.gradients[position] = gradient.clone()
        if sums:
            torch._foreach_add_(sums, more)
