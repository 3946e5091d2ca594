"""A ridge regression, and what it says of those that it has not seen."""

from __future__ import annotations

import numpy as np

from evo_nas.space.encoding import Floats

_STRENGTHS = 10.0 ** np.arange(-3, 4)  # times the mean eigenvalue of the features' kernel, centred


class Ridge:
    """A ridge regression over numbers, of the strength that predicts best.

    The strength is that of the least error of leaving one out (Hoerl and Kennard 1970, "Ridge
    Regression"). Shapes: ``features`` (n, k), ``targets`` (n,).
    """

    def __init__(self, features: Floats, targets: Floats) -> None:
        from sklearn.linear_model import RidgeCV  # a second to import, and rarely needed

        self.mean, scale = float(targets.mean()), float(features.var(axis=0).sum())
        self._model = RidgeCV(_STRENGTHS * max(scale, 1e-12)).fit(features, targets)

    def deviation(self, features: Floats) -> Floats:
        """How far from the mean the targets of others, (n, k), are predicted to be, (n,)."""
        found: Floats = self._model.predict(features) - self.mean
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
