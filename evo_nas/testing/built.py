"""What checks of networks share: what can be built, and where."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evo_nas.errors import SpaceError
from evo_nas.space.space import Genome, Geometry, Space

from .check import expect, skip
from .subject import Subject

_IMAGES = ((8, 1, 10), (32, 3, 7))  # pixels of a side, channels, classes


class Built:
    """A space's networks; ``genomes`` are canonical ones, of which ``samples`` are built."""

    def __init__(
        self, subject: Subject[Space], genomes: Callable[[], list[Genome]], samples: int
    ) -> None:
        self._subject, self._genomes, self._samples = subject, genomes, samples
        self._no_proxy = ""

    def some(self) -> list[Genome]:
        """Those that are built."""
        return self._genomes()[: self._samples]

    def space(self) -> Space:
        """The space, if it builds networks; a table of results may do without."""
        space = self._subject.it
        if self._no_networks:
            skip(f"it builds no networks: {self._no_networks}")
        return space

    @cached_property
    def _no_networks(self) -> str:
        space, genome = self._subject.it, self._genomes()[0]
        try:
            space.build(genome, space.target)
        except SpaceError as error:
            try:
                space.metrics(genome)
            except Exception:
                return ""  # nothing else is known either, so it has to build them
            return str(error)
        except Exception:
            return ""  # whoever builds says so
        return ""

    def small(self) -> list[Geometry]:
        """The space's proxies for two kinds of images; what needs one is skipped without."""
        found = self.small_or_none()
        return found or skip(self._no_proxy)

    def small_or_none(self) -> list[Geometry]:
        """The proxies that there are."""
        found = []
        for size, channels, classes in _IMAGES:
            try:
                geometry = self._subject.it.proxy(size, channels, classes)
            except SpaceError as error:
                self._no_proxy = str(error)
                continue
            told = f"proxy({size}, {channels}, {classes}) is {geometry!r}"
            fine = isinstance(geometry, Geometry) and geometry.channels == channels
            fine = fine and geometry.classes == classes
            expect(fine, f"{told}; return a Geometry with those channels and classes")
            found.append(geometry)
        return found


def noise(geometry: Geometry, number: int) -> Tensor:
    """Images (number, channels, size, size), always the same."""
    shape = (number, geometry.channels, geometry.image_size, geometry.image_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def seeded(space: Space, genome: Genome, geometry: Geometry) -> nn.Module:
    """A genome's network; networks alike in structure have the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = space.build(genome, geometry)
    told = f"build({genome}, {geometry}) is a {type(network).__name__}"
    expect(isinstance(network, nn.Module), f"{told}; return a torch.nn.Module")
    return network


def check_logits(logits: object, batch: int, geometry: Geometry, genome: Genome) -> None:
    """Fail unless a network gave finite logits (batch, classes)."""
    shape = tuple(getattr(logits, "shape", ())) or type(logits).__name__
    wanted = (batch, geometry.classes)
    told = f"{batch} images at {geometry} become {shape} in the network of {genome}"
    expect(shape == wanted, f"{told}; give logits of shape {wanted}")
    assert isinstance(logits, Tensor)
    expect(logits.isfinite().all(), f"the fresh network of {genome} gives logits that are NaN")


def shake(module: nn.Module) -> None:
    """Give every weight and statistic a value of its own, so that mixing any up shows."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        for weight in module.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
        for norm in batch_norms(module):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """The BatchNorm layers that keep statistics."""
    return [
        part
        for part in module.modules()
        if isinstance(part, _BatchNorm) and part.running_mean is not None
    ]
