"""A Gaussian process over genomes: what to expect of a genome's score, and how sure that is.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", sections 2.2 and 5.4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, lapack, solve_triangular
from scipy.optimize import minimize

from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome

from .kernel import GenomeKernel

_LEVEL = 1.0  # the variance of the mean over all genomes; values vary by about 1
_UNLIKE = 1.5  # the distance of genomes that differ in every choice, before anything is known
_REFIT_GROWTH = 1.1
_MOST_FITTED = 400
_MOST_ITERATIONS = 20
_WIDEST = 4.0  # standard deviations of a prior
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Variances of the noise and of the kernel's two parts, and the kernel's weights (choices,)."""

    noise: float
    main: float
    joint: float
    weights: Floats

    @classmethod
    def of(cls, logarithms: Floats) -> Hyperparameters:
        """From the vector of :class:`Prior`."""
        noise, main, joint, common = np.exp(logarithms[:4]).tolist()
        return cls(noise, main, joint, common * np.exp(logarithms[4:]))


class Prior:
    """Independent normal distributions of the logarithms of hyperparameters.

    These are noise, main and joint, a common factor of the weights, and each choice's own factor:
    all choices may matter more than expected, or one of them more than the others.
    """

    def __init__(self, choices: int) -> None:
        common = _UNLIKE / max(choices, 1)
        self.mean: Floats = np.log([0.1, 0.5, 0.5, common, *[1.0] * choices])
        self.deviation: Floats = np.array([1.5, 1.0, 1.0, 1.0, *[1.0] * choices])

    def loss(self, logarithms: Floats) -> tuple[float, Floats]:
        """The negative logarithm of the density, without a constant, and its gradient."""
        offset = (logarithms - self.mean) / self.deviation
        return 0.5 * float(offset @ offset), offset / self.deviation


class Posterior:
    """What is believed of some genomes: ``mean`` and ``variance`` of their scores, (genomes,).

    ``noise`` is the variance that each evaluation adds to that.
    """

    def __init__(self, process: GaussianProcess, encoded: Floats) -> None:
        self._process, self._encoded = process, encoded
        covariance = process.covariance(process.encoded, encoded)
        self._explained = solve_triangular(process.factor, covariance, lower=True)
        self.mean: Floats = self._explained.T @ process.residual
        known = np.einsum("ij,ij->j", self._explained, self._explained)
        self.variance: Floats = np.maximum(process.variance(encoded) - known, _JITTER)
        self.noise = process.hyperparameters.noise

    def believe(self, index: int) -> None:
        """Go on as if genome ``index`` had been evaluated, and had scored its mean."""
        chosen = self._encoded[index : index + 1]
        covariance = self._process.covariance(self._encoded, chosen)[:, 0]
        covariance -= self._explained.T @ self._explained[:, index]
        row = covariance / np.sqrt(self.variance[index] + self.noise + _JITTER)
        self._explained = np.vstack([self._explained, row])
        self.variance = np.maximum(self.variance - row**2, _JITTER)


class GaussianProcess:
    """Fitted to scores of about mean 0 and variance 1.

    ``encoded`` are the genomes that it was fitted to, ``factor`` the Cholesky factor of their
    covariance with noise, ``residual`` that factor's solution for their scores.
    """

    def __init__(self, kernel: GenomeKernel) -> None:
        self.kernel = kernel
        self._prior = Prior(kernel.choices)
        self._logarithms = self._prior.mean
        self._learned_from = 0
        self.hyperparameters = Hyperparameters.of(self._logarithms)
        self.encoded, self.factor = np.zeros((0, kernel.columns)), np.zeros((0, 0))

    def fit(self, encoded: Floats, values: Floats) -> None:
        """Fit to everything evaluated: what was given before, in the same order, and new rows.

        Hyperparameters are fitted again once there is a tenth more.
        """
        if len(values) >= _REFIT_GROWTH * self._learned_from:
            self._learn(encoded, values)
            self.encoded, self.factor = encoded[:0], np.zeros((0, 0))
        self._extend(encoded[len(self.encoded) :])
        self.residual = solve_triangular(self.factor, values, lower=True)

    def predict(self, encoded: Floats) -> Posterior:
        """What is believed of these genomes."""
        return Posterior(self, encoded)

    def about(self, genomes: Sequence[Genome]) -> Posterior:
        """The same, of genomes that are not encoded yet."""
        return self.predict(self.kernel.encode(genomes))

    def covariance(self, first: Floats, second: Floats) -> Floats:
        """The prior covariance of scores without noise, (first, second)."""
        h, kernel = self.hyperparameters, self.kernel
        main = kernel.main(first, second, h.weights)
        return _LEVEL + h.main * main + h.joint * kernel.joint(first, second, h.weights)

    def variance(self, encoded: Floats) -> Floats:
        """The diagonal of :meth:`covariance`."""
        h = self.hyperparameters
        return _LEVEL + h.main * self.kernel.main_variance(encoded, h.weights) + h.joint

    def _extend(self, new: Floats) -> None:
        """Add rows to the Cholesky factor, which is much less than to begin again."""
        below = solve_triangular(self.factor, self.covariance(self.encoded, new), lower=True).T
        noise = (self.hyperparameters.noise + _JITTER) * np.eye(len(new))
        corner = np.linalg.cholesky(self.covariance(new, new) + noise - below @ below.T)
        above = np.zeros((len(self.factor), len(new)))
        self.factor = np.block([[self.factor, above], [below, corner]])
        self.encoded = np.vstack([self.encoded, new])

    def _learn(self, encoded: Floats, values: Floats) -> None:
        """The most probable hyperparameters, starting from the last ones."""
        self._learned_from = len(values)
        if len(values) > _MOST_FITTED:  # the best, and the last of the others
            order = np.argsort(-values, kind="stable")
            best, others = np.split(order, [_MOST_FITTED // 2])
            kept = np.sort(np.concatenate([best, np.sort(others)[-_MOST_FITTED // 2 :]]))
            encoded, values = encoded[kept], values[kept]
        margin = _WIDEST * self._prior.deviation
        found = minimize(
            self.loss,
            self._logarithms,
            args=(encoded, values),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(self._prior.mean - margin, self._prior.mean + margin, strict=True)),
            options={"maxiter": _MOST_ITERATIONS},
        )
        # The last digits depend on the processor; what is proposed should not.
        self._logarithms = np.round(found.x, 3)
        self.hyperparameters = Hyperparameters.of(self._logarithms)

    def loss(self, logarithms: Floats, encoded: Floats, values: Floats) -> tuple[float, Floats]:
        """Minus the logarithm of the posterior density of hyperparameters, and its gradient.

        Equations 5.8 and 5.9 of the book, with the prior.
        """
        h = Hyperparameters.of(logarithms)
        main = h.main * self.kernel.main(encoded, encoded, h.weights)
        joint = h.joint * self.kernel.joint(encoded, encoded, h.weights)
        noise = (h.noise + _JITTER) * np.eye(len(values))
        covariance: Floats = _LEVEL + main + joint + noise
        factor = cholesky(covariance, lower=True)
        solved = cho_solve((factor, True), values)
        loss, gradient = self._prior.loss(logarithms)
        loss += 0.5 * float(values @ solved) + float(np.log(np.diag(factor)).sum())
        upstream = 0.5 * (_inverse(factor) - np.outer(solved, solved))
        pull = upstream * joint
        weights = h.main * self.kernel.main_slope(encoded, h.weights, upstream)
        weights += self.kernel.joint_slope(encoded, h.weights, pull)
        variances = [h.noise * np.trace(upstream), (upstream * main).sum(), pull.sum()]
        return loss, gradient + np.array([*variances, weights.sum(), *weights])


def _inverse(factor: Floats) -> Floats:
    """The inverse of a matrix from its lower Cholesky factor."""
    lower, _ = lapack.dpotri(factor, lower=1)
    lower = np.tril(lower)
    inverse: Floats = lower + np.tril(lower, -1).T
    return inverse
