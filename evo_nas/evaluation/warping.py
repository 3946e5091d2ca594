"""Scores without disasters, for models of them."""

from __future__ import annotations

import numpy as np

from evo_nas.sampling.tables import Floats


def half_ranked(values: Floats) -> Floats:
    """Values by which to model what matters: how good the better half is.

    The better half is scaled so that it has the spread of a standard normal's upper half; the
    worse half becomes a normal's quantiles at its ranks, so that a few disasters cannot decide the
    fit (Song et al. 2024, "The Vizier Gaussian Process Bandit Algorithm", half-rank warping). More
    is better.
    """
    from scipy.special import ndtri  # they take seconds to import, and few runs have models
    from scipy.stats import rankdata

    centred = values - np.median(values)
    better = centred >= 0
    spread = np.sqrt(np.mean(centred[better] ** 2))
    scaled = centred / spread if spread > 0 else np.zeros_like(centred)
    quantiles = ndtri(np.minimum((rankdata(values) - 0.5) / len(values), 0.5))
    warped: Floats = np.where(better, scaled, quantiles)
    return warped
