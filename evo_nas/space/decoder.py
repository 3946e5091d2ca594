"""From a genome to what it stands for: the one place where genomes become networks.

A stage's genome is lifted to the full genome of the root space; from there come the options by
name, a path of a supernet (of stage 1, of stage 2 or flat: whichever the supernet can reach) and
the stand-alone network.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from .space import Genome, Geometry, Option, Space
from .supernet import Step, Supernet


class Decoder:
    """Decodes the genomes of ``space``, a whole space or a stage of one."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def full(self, genome: Genome) -> Genome:
        """The canonical full genome of the root space."""
        return self.space.lift(genome)

    def options(self, genome: Genome) -> dict[str, Option]:
        """The option of each active choice of the root space, by name."""
        return self.space.root.options(self.full(genome))

    def select(self, supernet: Supernet, genome: Genome) -> None:
        """Set the supernet's path."""
        supernet.select(self.full(genome))

    def steps(self, supernet: Supernet, genome: Genome) -> Sequence[Step]:
        """The supernet's path, to be walked together with others."""
        return supernet.steps(self.full(genome))

    def network(self, genome: Genome, geometry: Geometry) -> nn.Module:
        """The stand-alone network, with weights of its own."""
        return self.space.root.build(self.full(genome), geometry)
