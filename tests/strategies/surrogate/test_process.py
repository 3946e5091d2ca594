import numpy as np
import pytest
from scipy.optimize import check_grad

from evo_nas.strategies.surrogate.kernel import GenomeKernel
from evo_nas.strategies.surrogate.process import GaussianProcess, Hyperparameters
from tests.kit.spaces import TinySpace, all_canonical

SPACE = TinySpace(3)
KERNEL = GenomeKernel(SPACE)
RNG = np.random.default_rng(0)
GENOMES = [all_canonical(SPACE)[i] for i in RNG.permutation(len(all_canonical(SPACE)))[:60]]
ENCODED = KERNEL.encode(GENOMES)


def score(genome):
    return float(sum(0.3 * gene for gene in genome) - abs(genome[0] - genome[3]))


VALUES = np.array([score(genome) for genome in GENOMES])
VALUES = (VALUES - VALUES.mean()) / VALUES.std()


def fitted(values, count=60):
    process = GaussianProcess(KERNEL)
    process.fit(ENCODED[:count], values[:count])
    return process


def check_textbook(process, posterior, known, values, new):
    """Posterior mean and variance are those of equations 2.23 and 2.24."""
    noise = (process.hyperparameters.noise + 1e-8) * np.eye(len(known))
    inverse = np.linalg.inv(process.covariance(known, known) + noise)
    across = process.covariance(new, known)
    covariance = process.covariance(new, new) - across @ inverse @ across.T
    assert posterior.mean == pytest.approx(across @ inverse @ values, abs=1e-6)
    assert posterior.variance == pytest.approx(np.diag(covariance), abs=1e-6)


def test_what_is_predicted_is_what_the_formula_says():
    process = fitted(VALUES, 40)
    posterior = process.predict(ENCODED[40:])
    check_textbook(process, posterior, ENCODED[:40], VALUES[:40], ENCODED[40:])


def test_adding_scores_is_the_same_as_beginning_again():
    grown = fitted(VALUES, 40)
    for count in (41, 43):  # below a tenth more: the factor is extended
        grown.fit(ENCODED[:count], VALUES[:count])
    posterior = grown.predict(ENCODED[43:])
    check_textbook(grown, posterior, ENCODED[:43], VALUES[:43], ENCODED[43:])


def test_believing_a_score_is_evaluating_it_to_what_was_expected():
    process = fitted(VALUES, 40)
    posterior = process.predict(ENCODED[40:])
    posterior.believe(3)
    known = np.vstack([ENCODED[:40], ENCODED[43:44]])
    values = np.append(VALUES[:40], posterior.mean[3])
    check_textbook(process, posterior, known, values, ENCODED[40:])


def test_the_gradient_is_that_of_the_loss():
    process = GaussianProcess(KERNEL)
    size = 4 + KERNEL.choices
    for seed in range(3):
        at = np.random.default_rng(seed).normal(-1, 0.7, size)
        error = check_grad(
            lambda x: process.loss(x, ENCODED, VALUES)[0],
            lambda x: process.loss(x, ENCODED, VALUES)[1],
            at,
        )
        assert error < 1e-3 * np.linalg.norm(process.loss(at, ENCODED, VALUES)[1])


def test_it_learns_which_genomes_are_good_and_how_sure_it_is():
    process = fitted(VALUES, 45)
    posterior = process.predict(ENCODED[45:])
    assert np.corrcoef(posterior.mean, VALUES[45:])[0, 1] > 0.8
    errors = (posterior.mean - VALUES[45:]) / np.sqrt(posterior.variance + posterior.noise)
    assert 0.3 < np.sqrt(np.mean(errors**2)) < 2
    assert posterior.variance.min() > process.predict(ENCODED[:45]).variance.mean()


@pytest.mark.parametrize("count", [1, 30])
def test_scores_that_are_all_the_same_say_nothing_and_break_nothing(count):
    posterior = fitted(np.zeros(60), count).predict(ENCODED[30:])
    assert np.allclose(posterior.mean, 0)
    assert np.isfinite(posterior.variance).all()


def test_hyperparameters_are_logarithms():
    h = Hyperparameters.of(np.log([0.1, 0.2, 0.3, 2.0, *[1.5] * KERNEL.choices]))
    assert (h.noise, h.main, h.joint) == pytest.approx((0.1, 0.2, 0.3))
    assert h.weights == pytest.approx(np.full(KERNEL.choices, 3.0))


def test_noise_is_told_from_signal():
    noise = np.random.default_rng(1).standard_normal(60)
    assert fitted(VALUES).hyperparameters.noise < 0.05
    assert 0.3 < fitted(VALUES + noise).hyperparameters.noise < 2


def test_hyperparameters_are_fitted_to_the_best_and_the_last_of_many():
    space = TinySpace(4)
    kernel = GenomeKernel(space)
    encoded = kernel.encode(all_canonical(space)[::7][:900])
    values = np.random.default_rng(0).permutation(np.linspace(-1, 1, 900))
    process = GaussianProcess(kernel)
    fitted = []
    loss = process.loss

    def recording(logarithms, some, theirs):
        fitted.append(theirs)
        return loss(logarithms, some, theirs)

    process.loss = recording
    process.fit(encoded, values)
    best = np.sort(values)[-200:]
    assert all(len(theirs) == 400 for theirs in fitted)
    assert np.isin(best, fitted[0]).all()
    others = values[values < best.min()]
    assert np.isin(others[-200:], fitted[0]).all()
