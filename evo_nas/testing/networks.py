"""Checks of the networks that a space builds, and which of them can be built where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import cloudpickle
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evo_nas.errors import SpaceError
from evo_nas.space.flops import count
from evo_nas.space.space import Cell, Genome, Geometry, Space
from evo_nas.space.table import kind

from .check import expect, listed, skip
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


class NetworkChecks(Built):
    """The checks of stand-alone networks and of their pictures."""

    def named(self) -> Sequence[tuple[str, Callable[[], None]]]:
        """The checks, each with its name."""
        return (
            ("costs are what fvcore counts", self._counted),
            ("networks classify images at the target", self._target),
            ("networks train at small geometries", self._proxies),
            ("other genomes are other networks", self._different),
            ("networks travel to other processes", self._travel),
            ("architectures have pictures", self._pictures),
        )

    def _counted(self) -> None:
        space = self.space()
        for genome in self.some():
            counted = count(seeded(space, genome, space.target), noise(space.target, 1))
            for name, told in space.costs(genome).items():
                expect(
                    told == counted[name],
                    f"fvcore counts {counted[name]:,} {name} in the network of {genome}, costs() "
                    f"says {told:,}; take them from evo_nas.space.flops.count of the same modules",
                )

    def _target(self) -> None:
        space = self.space()
        for genome in self.some()[:1]:
            with torch.no_grad():
                network = seeded(space, genome, space.target).eval()
                check_logits(network(noise(space.target, 2)), 2, space.target, genome)

    def _proxies(self) -> None:
        space = self.space()
        for geometry in self.small():
            for genome in self.some():
                network = seeded(space, genome, geometry)
                logits = network(noise(geometry, 3))
                check_logits(logits, 3, geometry, genome)
                logits.square().sum().backward()
                idle = [n for n, w in network.named_parameters() if w.grad is None]
                told = f"the weight {listed(idle)} of {genome} has no part in the logits"
                expect(not idle, f"{told}, so it is counted and never trained; leave it out")

    def _different(self) -> None:
        space = self.space()
        geometries = [*self.small_or_none()[:1], space.target]
        for genome, position, genes in self._changes(space):
            for gene in genes:
                other = space.canonical((*genome[:position], gene, *genome[position + 1 :]))
                if other == genome:
                    continue
                same = all(_equal_networks(space, genome, other, g) for g in geometries)
                choice, held = space.choices[position], genome[position]
                expect(
                    not same,
                    f"{choice.name} = {choice.options[held]!r} and {choice.options[gene]!r} make "
                    f"one network of {genome}; let build() use the choice, or canonical() join "
                    "the two",
                )

    def _changes(self, space: Space) -> Iterator[tuple[Genome, int, list[int]]]:
        """Choices in genomes in which they are active, with other options to try.

        Of each kind the first choice with all its options, and a few of the last with one.
        """
        alike: dict[str, list[int]] = {}
        for position in range(len(space.choices)):
            alike.setdefault(kind(space, position), []).append(position)
        for first, *others in alike.values():
            for position in (first, *others[::-1][: self._samples - 1]):
                for genome in self._genomes():
                    if space.active(genome)[position]:
                        options = set(range(len(space.choices[position].options)))
                        genes = sorted(options - {genome[position]})
                        yield genome, position, genes if position == first else genes[:1]
                        break

    def _travel(self) -> None:
        space = self.space()
        geometry = (self.small_or_none() or [space.target])[0]
        network = seeded(space, self.some()[0], geometry).eval()
        copy = cloudpickle.loads(cloudpickle.dumps(network))
        images = noise(geometry, 2)
        with torch.no_grad():
            same = torch.equal(copy(images), network(images))
        expect(same, "a network that was pickled and read again answers differently")

    def _pictures(self) -> None:
        space = self._subject.it
        for genome in self._genomes():
            cells = space.picture(genome)
            if not cells:
                skip("it draws none")
            fine = all(isinstance(cell, Cell) and 0 <= cell.shade <= 1 for cell in cells)
            expect(fine, f"picture({genome}) must be Cells whose shades are from 0 to 1")


def _equal_networks(space: Space, one: Genome, other: Genome, geometry: Geometry) -> bool:
    first, second = (seeded(space, genome, geometry) for genome in (one, other))
    if _shapes(first) != _shapes(second):
        return False
    for network in (first, second):  # alike, as their weights are
        shake(network)
    images = noise(geometry, 2)
    with torch.no_grad():
        return torch.equal(first.eval()(images), second.eval()(images))


def _shapes(network: nn.Module) -> list[tuple[str, torch.Size]]:
    return [(name, tensor.shape) for name, tensor in network.state_dict().items()]
