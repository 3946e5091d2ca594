"""Genomes as columns of numbers, which models of what networks reach work with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .space import Genome, Space

Floats: TypeAlias = npt.NDArray[np.float64]


class Encoding:
    """Genomes of a space as rows of zeros and ones.

    Each of the ``varied`` choices has a column for each option and one for inactivity, ``sizes`` of
    them; in all there are ``columns``.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.varied = [i for i, c in enumerate(space.choices) if len(c.options) > 1]
        self.sizes = [len(space.choices[i].options) + 1 for i in self.varied]
        self.columns = sum(self.sizes)
        self._starts = np.cumsum([0, *self.sizes])[:-1]
        self._inactive = np.array(self.sizes) - 1

    def encode(self, genomes: Sequence[Genome]) -> Floats:
        """One row a genome, (genomes, columns)."""
        genes = np.array(genomes)[:, self.varied]
        active = np.array([self._space.active(genome) for genome in genomes])[:, self.varied]
        encoded = np.zeros((len(genomes), self.columns))
        columns = self._starts + np.where(active, genes, self._inactive)
        np.put_along_axis(encoded, columns, 1.0, axis=1)
        return encoded
