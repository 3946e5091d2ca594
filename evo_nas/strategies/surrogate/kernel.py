"""How alike the scores of two genomes are expected to be: a covariance function over choices."""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag

from evo_nas.sampling.tables import Floats
from evo_nas.space.choices import Choice
from evo_nas.space.encoding import Encoding
from evo_nas.space.space import Space


class GenomeKernel:
    """Two covariances over the genomes of a space, with one weight for each of its choices.

    ``main(x, x')`` = sum over choices of w_i c_i(x_i, x'_i) / sum of w_i: each option adds or takes
    something, whatever the others are (an additive model; Durrande et al. 2013, "ANOVA kernels").
    ``joint(x, x')`` = exp(-sum of w_i d_i(x_i, x'_i)): similar genomes have similar scores, which
    covers interactions of any order (Hutter et al. 2011, equation 4, with weights by choice).

    A choice's distance d_i is 1 between any two options; where the options are numbers, half of it
    grows with the difference of their ranks. An inactive choice is one more option of the distance,
    and has no effect in c_i, in which effects sum to zero over a choice's options.
    """

    def __init__(self, space: Space) -> None:
        encoding = Encoding(space)
        varied = [space.choices[i] for i in encoding.varied]
        self._owner = np.repeat(np.eye(len(varied)), encoding.sizes, axis=0)  # (columns, choices)
        nothing = np.zeros((0, 0))  # where no choice varies
        self._distances = block_diag(nothing, *map(_distance, varied))
        self._effects = block_diag(nothing, *map(_effect, varied))
        self.choices, self.columns = len(varied), encoding.columns
        self.encode = encoding.encode

    def main(self, first: Floats, second: Floats, weights: Floats) -> Floats:
        """The covariance by single choices, (first, second)."""
        share = self._owner @ (weights / weights.sum())
        covariance: Floats = (first * share) @ self._effects @ second.T
        return covariance

    def main_variance(self, encoded: Floats, weights: Floats) -> Floats:
        """The diagonal of :meth:`main`; that of :meth:`joint` is 1."""
        share = self._owner @ (weights / weights.sum())
        variance: Floats = encoded @ (share * np.diag(self._effects))
        return variance

    def joint(self, first: Floats, second: Floats, weights: Floats) -> Floats:
        """The covariance by all choices together, (first, second)."""
        distance = (first * (self._owner @ weights)) @ self._distances @ second.T
        covariance: Floats = np.exp(-distance)
        return covariance

    def main_slope(self, encoded: Floats, weights: Floats, upstream: Floats) -> Floats:
        """The gradient of sum(upstream * main(encoded, encoded)) by the logarithms of weights."""
        share = weights / weights.sum()
        slope = self._by_choice(encoded.T @ upstream @ encoded, self._effects)
        gradient: Floats = share * (slope - share @ slope)
        return gradient

    def joint_slope(self, encoded: Floats, weights: Floats, upstream: Floats) -> Floats:
        """As :meth:`main_slope`; ``upstream`` is multiplied by the covariance already."""
        slope = self._by_choice(encoded.T @ upstream @ encoded, self._distances)
        gradient: Floats = -weights * slope
        return gradient

    def _by_choice(self, columns: Floats, tables: Floats) -> Floats:
        summed: Floats = (columns * tables).sum(axis=1) @ self._owner
        return summed


def _distance(choice: Choice) -> Floats:
    """Between the options of a choice and, last, inactivity; 1 in the mean of unequal options."""
    count = len(choice.options)
    distance = 1 - np.eye(count + 1)
    if _is_ordinal(choice):
        ranks = np.argsort(np.argsort(np.array(choice.options, dtype=float)))
        by_rank = np.abs(ranks[:, None] - ranks) / ((count + 1) / 3)  # 1 in that mean, too
        distance[:count, :count] = (distance[:count, :count] + by_rank) / 2
    return distance


def _effect(choice: Choice) -> Floats:
    """The covariance of the options' effects; effects sum to zero, and have variance 1 in the mean.

    Neighbours among ordinal options are correlated; an inactive choice has no effect.
    """
    count = len(choice.options)
    likeness = (
        np.exp(-np.log(4) * _distance(choice)[:count, :count])
        if _is_ordinal(choice)
        else np.eye(count)
    )
    centred = likeness - likeness.mean(axis=0) - likeness.mean(axis=1)[:, None] + likeness.mean()
    effect = np.zeros((count + 1, count + 1))
    effect[:count, :count] = centred / np.trace(centred) * count
    return effect


def _is_ordinal(choice: Choice) -> bool:
    return len(choice.options) > 2 and not any(isinstance(o, str) for o in choice.options)
