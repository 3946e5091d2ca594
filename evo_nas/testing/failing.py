"""A space in which one network cannot be built, to see what becomes of the others."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.space.supernet import Step, Supernet

_REASON = "this network was made to fail, to see whether the others are scored"


def failing(space: Space, bad: Genome) -> Space:
    """A copy of the space that raises when the network or the results of ``bad`` are wanted.

    Its supernet raises when ``bad`` is evaluated, not while it is trained.
    """
    cls: Any = type(space)

    class Failing(cls):  # type: ignore[misc]
        def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
            _refuse(self.canonical(genome), bad)
            network: nn.Module = super().build(genome, geometry)
            return network

        def metrics(self, genome: Sequence[int], repeat: int | None = None) -> Mapping[str, float]:
            _refuse(self.canonical(genome), bad)
            found: Mapping[str, float] = super().metrics(genome, repeat)
            return found

        def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
            return _failing_supernet(super().supernet(geometry, reachable), bad)

    broken = copy.copy(space)
    broken.__class__ = Failing
    return broken


def _failing_supernet(supernet: Supernet, bad: Genome) -> Supernet:
    cls: Any = type(supernet)

    def refuse(hidden: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            raise RuntimeError(_REASON)
        return hidden

    class FailingSupernet(cls):  # type: ignore[misc]
        def steps(self, genome: Genome) -> Sequence[Step]:
            found: list[Step] = [*super().steps(genome)]
            return [*found, Step("fails", refuse)] if genome == bad else found

    supernet.__class__ = FailingSupernet
    return supernet


def _refuse(genome: Genome, bad: Genome) -> None:
    if genome == bad:
        raise RuntimeError(_REASON)
