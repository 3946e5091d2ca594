"""Checks of the networks that a space builds, and which of them can be built where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import cloudpickle
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evo_nas.core.plugins.blame import describe, layer, own_frames
from evo_nas.errors import SpaceError
from evo_nas.space.costs.flops import count
from evo_nas.space.costs.target import at
from evo_nas.space.costs.verification import network_costs, verify_thoroughly
from evo_nas.space.space import Cell, Genome, Geometry, Space
from evo_nas.space.table import kind

from .check import CheckFailed, expect, listed, skip
from .genomes import GenomeChecks
from .subject import named

_IMAGES = ((8, 1, 10), (32, 3, 7))  # pixels of a side, channels, classes


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


@contextmanager
def running(space: Space, genome: Genome, geometry: Geometry) -> Iterator[None]:
    """Say of which genome a network is that fails where no line of its author is to blame.

    Raises:
        CheckFailed: it failed inside of layers that are PyTorch's.
    """
    try:
        yield
    except RuntimeError as error:  # what shapes that do not fit raise
        inside = layer(error)
        if own_frames(error) or not inside:
            raise
        code = getattr(type(space).build, "__code__", None)
        told = f"the network of {genome} at {geometry} fails: {describe(error)}"
        if code is not None:
            told += f"; build() is in {Path(code.co_filename).name}, line {code.co_firstlineno}"
        raise CheckFailed(told) from error


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


class NetworkChecks(GenomeChecks):
    """The checks of stand-alone networks and of their pictures."""

    def built_space(self) -> Space:
        """The space, if it builds networks; a table of results may do without."""
        if self._no_networks:
            skip(f"it builds no networks: {self._no_networks}")
        return self.it

    @cached_property
    def _no_networks(self) -> str:
        space, genome = self.it, self.genomes[0]
        try:
            space.build(genome, space.target)
        except SpaceError as error:
            with suppress(Exception):  # nothing else is known either, so it has to build them
                space.metrics(genome)
                return str(error)
        except Exception:
            return ""  # whoever builds says so
        return ""

    @property
    def built(self) -> list[Genome]:
        """The genomes whose networks are built."""
        return self.genomes[: self.samples]

    def proxies(self) -> list[Geometry]:
        """The space's proxies for two kinds of images, as far as there are any."""
        found = []
        for size, channels, classes in _IMAGES:
            try:
                geometry = self.it.proxy(size, channels, classes)
            except SpaceError as error:
                self._no_proxy = str(error)
                continue
            told = f"proxy({size}, {channels}, {classes}) is {geometry!r}"
            fine = isinstance(geometry, Geometry) and geometry.channels == channels
            fine = fine and geometry.classes == classes
            expect(fine, f"{told}; return a Geometry with those channels and classes")
            found.append(geometry)
        return found

    def small(self) -> Geometry:
        """A proxy, or else the target."""
        return (self.proxies() or [self.it.target])[0]

    @named("costs are what fvcore counts")
    def _counted(self) -> None:
        space = self.built_space()
        for genome in self.built:
            network, image = seeded(space, genome, space.target), noise(space.target, 1)
            with running(space, genome, space.target):
                counted = count(network, image, handles=space.flop_handles)
            for name, told in space.costs(genome).items():
                expect(
                    told == counted[name],
                    f"fvcore counts {counted[name]:,} {name} in the network of {genome}, costs() "
                    f"says {told:,}; take them from evo_nas.space.count of the same modules",
                )

    @named("values of different slots cost what they cost together")
    def _counted_together(self) -> None:
        try:
            verify_thoroughly(self.built_space())
        except SpaceError as error:
            raise CheckFailed(str(error)) from error

    @named("costs follow another target, where one can be chosen")
    def _other_target(self) -> None:
        own = self.built_space()
        self.needs_another()
        if not own.target_sizes:
            skip("it has no other target: target_sizes is ()")
        classes, half = f"classes={own.target.classes + 3}", own.target.image_size // 2
        try:
            space = at(self.make(), f"{classes},image_size={half}")
        except SpaceError:  # it is not cut into such images
            space = at(self.make(), classes)
        for genome in self.built:
            counted, told = network_costs(space, genome), space.costs(genome)
            expect(
                told == counted,
                f"at the target {space.target}, fvcore counts {counted} in the network of "
                f"{genome}, costs() says {told}; count at self.target, or say target_sizes = ()",
            )

    @named("networks classify images at the target")
    def _target(self) -> None:
        space, genome = self.built_space(), self.genomes[0]
        with torch.no_grad():
            network = seeded(space, genome, space.target).eval()
            with running(space, genome, space.target):
                logits = network(noise(space.target, 2))
            check_logits(logits, 2, space.target, genome)

    @named("networks train at small geometries")
    def _proxies(self) -> None:
        space = self.built_space()
        for geometry in self.proxies() or skip(self._no_proxy):
            for genome in self.built:
                network = seeded(space, genome, geometry)
                with running(space, genome, geometry):
                    logits = network(noise(geometry, 3))
                check_logits(logits, 3, geometry, genome)
                logits.square().sum().backward()
                idle = [n for n, w in network.named_parameters() if w.grad is None]
                told = f"the weight {listed(idle)} of {genome} has no part in the logits"
                expect(not idle, f"{told}, so it is counted and never trained; leave it out")

    @named("other genomes are other networks")
    def _different(self) -> None:
        space = self.built_space()
        geometries = [*self.proxies()[:1], space.target]
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
            for position in (first, *others[::-1][: self.samples - 1]):
                for genome in self.genomes:
                    if space.active(genome)[position]:
                        options = set(range(len(space.choices[position].options)))
                        genes = sorted(options - {genome[position]})
                        yield genome, position, genes if position == first else genes[:1]
                        break

    @named("networks travel to other processes")
    def _travel(self) -> None:
        space, geometry = self.built_space(), self.small()
        network, images = seeded(space, self.genomes[0], geometry).eval(), noise(geometry, 2)
        copy = cloudpickle.loads(cloudpickle.dumps(network))
        with torch.no_grad():
            same = torch.equal(copy(images), network(images))
        expect(same, "a network that was pickled and read again answers differently")

    @named("architectures have pictures")
    def _pictures(self) -> None:
        for genome in self.genomes:
            cells = self.it.picture(genome)
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
