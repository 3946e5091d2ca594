"""A ridge regression, and what it says of those that it has not seen."""

from __future__ import annotations

import numpy as np

from evo_nas.space.encoding import Floats

_STRENGTHS = 10.0 ** np.arange(-3, 4)  # times the mean eigenvalue of what is regressed on


class Ridge:
    """A ridge regression over centred numbers, of the strength that predicts best.

    The strength is that of the least error of leaving one out, which is known in closed form (Hoerl
    and Kennard 1970, "Ridge Regression"; Golub, Heath and Wahba 1979, "Generalized
    Cross-Validation", section 1). Shapes: ``features`` (n, k), ``targets`` (n,).
    """

    def __init__(self, features: Floats, targets: Floats) -> None:
        self._middle, self.mean = features.mean(axis=0), float(targets.mean())
        centred, wanted = features - self._middle, targets - self.mean
        values, vectors = np.linalg.eigh(centred @ centred.T)
        turned = vectors.T @ wanted
        best = np.inf
        for strength in _STRENGTHS * max(values.mean(), 1e-12):
            kept = values / (values + strength)
            leverage = (vectors**2) @ kept + 1 / len(targets)  # the mean is fitted, too
            missed = (wanted - vectors @ (kept * turned)) / (1 - leverage).clip(1e-12)
            if (error := float((missed**2).mean())) < best:
                best = error
                self._weights = centred.T @ (vectors @ (turned / (values + strength)))

    def deviation(self, features: Floats) -> Floats:
        """How far from the mean the targets of others, (n, k), are predicted to be, (n,)."""
        found: Floats = (features - self._middle) @ self._weights
        return found


def held_out(features: Floats, targets: Floats) -> Floats:
    """What a ridge over all others says of each network, (n,).

    As a deviation from the mean of all: that of the others is the lower the better a network is,
    which would turn the order round where features say nothing.
    """
    every = np.arange(len(targets))
    found = np.full(len(targets), targets.mean())
    for i in every:
        found[i] += Ridge(features[every != i], targets[every != i]).deviation(features[[i]])[0]
    return found
