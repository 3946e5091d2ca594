"""The contract of a supernet: shared weights in which every genome of a space is a path."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from .space import Genome


class Step(NamedTuple):
    """One step of a path.

    ``key`` names everything that the step depends on besides its input: candidates whose first
    steps have equal keys share that work when they are evaluated together. ``batch_norms`` are the
    BatchNorm layers inside, whose statistics belong to a path and not to the shared weights.
    """

    key: Hashable
    run: Callable[[Tensor], Tensor]
    batch_norms: tuple[nn.Module, ...] = ()


class Supernet(nn.Module, ABC):
    """Shared weights; genomes are full genomes of the root space (see :mod:`.decoder`)."""

    _path: Sequence[Step] = ()

    @abstractmethod
    def steps(self, genome: Genome) -> Sequence[Step]:
        """The path of a genome, from images (batch, channels, size, size) to logits."""

    @abstractmethod
    def extract(self, genome: Genome) -> dict[str, Tensor]:
        """The path's weights, named so that they load strictly into ``Space.build``'s network."""

    def select(self, genome: Genome) -> None:
        """Set the path that :meth:`forward` takes."""
        self._path = self.steps(genome)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of the selected path."""
        assert self._path, "select a genome first"
        hidden = images
        for step in self._path:
            hidden = step.run(hidden)
        return hidden
