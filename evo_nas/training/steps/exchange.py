"""Buffers before a step and after each of its shards, and the memory where processes meet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evo_nas.core.workers.memory import placed, room_for

from .gradients import Share


class Copies:
    """Copies of a network's buffers, such as BatchNorm's statistics.

    All of one type of number are in one flat tensor: ``flat``, which are new ones unless given.
    """

    def __init__(self, buffers: Sequence[Tensor], flat: Sequence[Tensor] | None = None) -> None:
        kinds = dict.fromkeys(buffer.dtype for buffer in buffers)
        groups = [[buffer for buffer in buffers if buffer.dtype == kind] for kind in kinds]
        self._buffers = [buffer for group in groups for buffer in group]
        self.flat = list(flat) if flat is not None else [_flattened(group) for group in groups]
        self._copies: list[Tensor] = []
        for copies, group in zip(self.flat, groups, strict=True):
            pieces = torch.split(copies, [buffer.numel() for buffer in group])
            self._copies += [p.view(b.shape) for p, b in zip(pieces, group, strict=True)]

    def save(self) -> None:
        """Copy the buffers as they are."""
        if self._buffers:  # a supernet has a thousand small ones: all in one call
            torch._foreach_copy_(self._copies, self._buffers)

    def restore(self) -> None:
        """Make the buffers what was copied."""
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._copies)


def combine(copies: Sequence[Copies]) -> None:
    """Make the first copies those of a whole step, of copies after each of its shards.

    What shards have left alike stays as it is, to the last bit. Other numbers are the mean over
    shards; of whole ones, which count steps, the largest.
    """
    for first, *others in zip(*(each.flat for each in copies), strict=True):
        if first.is_floating_point() and others:
            alike = torch.stack(others).eq(first).all(0)
            mean = first.clone()
            for other in others:
                mean += other
            first.copy_(torch.where(alike, first, mean / len(copies)))
        for other in [] if first.is_floating_point() else others:
            first.copy_(torch.maximum(first, other))


class Place:
    """Room for a number of each weight of a network, and for its buffers, in shared memory."""

    def __init__(self, network: nn.Module, memory: Tensor) -> None:
        self.memory = memory
        self._weights: list[Tensor] = list(network.parameters())
        buffers = list(network.buffers())
        found = placed(_contents(network), memory)
        self._numbers = found[: len(self._weights)]
        self.buffers = Copies(buffers, found[len(self._weights) :])

    @torch.no_grad()
    def save(self) -> None:
        """Leave the network's weights and buffers here."""
        torch._foreach_copy_(self._numbers, self._weights)
        self.buffers.save()

    @torch.no_grad()
    def restore(self) -> None:
        """Give the network the weights and buffers that are here."""
        torch._foreach_copy_(self._weights, self._numbers)
        self.buffers.restore()

    def put(self, share: Share) -> tuple[float, list[int]]:
        """Leave a share's gradients here; its loss, and the positions of weights that have one."""
        present = [i for i, gradient in enumerate(share.gradients) if gradient is not None]
        given = [gradient for gradient in share.gradients if gradient is not None]
        if given:
            torch._foreach_copy_([self._numbers[i] for i in present], given)
        self.buffers.save()
        return float(share.loss), present

    def get(self, loss: float, present: Sequence[int]) -> Share:
        """The share that was left here, not copied."""
        gradients: list[Tensor | None] = [None] * len(self._numbers)
        for i in present:
            gradients[i] = self._numbers[i]
        return Share(torch.tensor(loss), gradients)


def place_size(network: nn.Module) -> int:
    """The bytes that a place takes."""
    return room_for(_contents(network))


def places(network: nn.Module, memory: Tensor) -> list[Place]:
    """As many places as there is memory for, one after the other."""
    return [Place(network, piece) for piece in torch.split(memory, place_size(network))]


def _contents(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *Copies(list(network.buffers())).flat]


def _flattened(group: Sequence[Tensor]) -> Tensor:
    return torch.empty(sum(b.numel() for b in group), dtype=group[0].dtype, device=group[0].device)
