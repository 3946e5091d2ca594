"""What models of scores work with: genomes as columns of numbers, and scores without disasters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome, Space


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


def half_ranked(values: Floats) -> Floats:
    """Values by which to model what matters: how good the better half is.

    The better half is scaled so that it has the spread of a standard normal's upper half; the
    worse half becomes a normal's quantiles at its ranks, so that a few disasters cannot decide the
    fit (Song et al. 2024, "The Vizier Gaussian Process Bandit Algorithm", half-rank warping). More
    is better.
    """
    centred = values - np.median(values)
    better = centred >= 0
    spread = np.sqrt(np.mean(centred[better] ** 2))
    scaled = centred / spread if spread > 0 else np.zeros_like(centred)
    quantiles = ndtri(np.minimum((rankdata(values) - 0.5) / len(values), 0.5))
    warped: Floats = np.where(better, scaled, quantiles)
    return warped
