"""Checks of the networks that a space builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cloudpickle
import torch
from torch import nn

from evo_nas.space.flops import count
from evo_nas.space.space import Cell, Genome, Geometry, Space
from evo_nas.space.table import kind

from .built import Built, check_logits, noise, seeded, shake
from .check import expect, listed, skip


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
