"""Which candidates are worth an evaluation, given what a surrogate believes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome

from .process import GaussianProcess, Posterior


class ExpectedImprovement:
    """How much better genomes are expected to be than the best of what a process was fitted to."""

    def __init__(self, process: GaussianProcess) -> None:
        self._process = process
        self._best = float(process.predict(process.encoded).mean.max())

    def gain(self, genomes: Sequence[Genome]) -> list[float]:
        """The logarithm of each one's expected improvement."""
        gains: list[float] = expected_gain(self._process.about(genomes), self._best).tolist()
        return gains

    def choose(self, genomes: Sequence[Genome], count: int) -> list[Genome]:
        """A batch; see :func:`choose`."""
        return [genomes[i] for i in choose(self._process.about(genomes), self._best, count)]


def choose(posterior: Posterior, best: float, count: int) -> list[int]:
    """The candidates of the highest expected improvement on ``best``, one after the other.

    After each choice the model goes on as if it had been evaluated to what is expected, so that
    the next is not its near-duplicate (Ginsbourger et al. 2010, "Kriging is well-suited to
    parallelize optimization", the kriging believer).
    """
    chosen: list[int] = []
    for _ in range(min(count, len(posterior.mean))):
        gain = expected_gain(posterior, best)
        gain[chosen] = -np.inf
        index = int(np.argmax(gain))
        chosen.append(index)
        best = max(best, float(posterior.mean[index]))
        posterior.believe(index)
    return chosen


def expected_gain(posterior: Posterior, best: float) -> Floats:
    """The logarithm of each candidate's expected improvement on ``best``.

    Rounded: the last digits depend on the processor, and what is chosen should not.
    """
    deviation = np.sqrt(posterior.variance)
    gain: Floats = np.round(log_expected_improvement(posterior.mean - best, deviation), 6)
    return gain


def log_expected_improvement(gap: Floats, deviation: Floats) -> Floats:
    """The logarithm of E[max(0, N(gap, deviation^2))], exact where the expectation underflows.

    Jones et al. 1998, equation 15; with Z = gap / deviation it is deviation (phi(Z) + Z Phi(Z)).
    """
    z = gap / deviation
    near = np.maximum(z, -6.0)
    density = np.exp(-(near**2) / 2) / np.sqrt(2 * np.pi)
    far = np.minimum(z, -6.0)
    # phi(z) + z Phi(z) = phi(z) (1 - |z| m) with Mills' ratio m, by its asymptotic series.
    tail = np.log(1 / far**2 - 3 / far**4 + 15 / far**6) - far**2 / 2 - np.log(2 * np.pi) / 2
    improvement: Floats = np.where(z > -6.0, np.log(density + near * ndtr(near)), tail)
    return improvement + np.log(deviation)
