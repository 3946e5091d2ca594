import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evo_nas.evaluation.warping import half_ranked
from evo_nas.strategies.surrogate.acquisition import (
    choose,
    expected_gain,
    log_expected_improvement,
)
from evo_nas.strategies.surrogate.kernel import GenomeKernel
from evo_nas.strategies.surrogate.process import GaussianProcess
from tests.kit.spaces import TinySpace, all_canonical


@given(st.floats(-5, 5), st.floats(0.01, 3))
def test_expected_improvement_is_the_integral(gap: float, deviation: float) -> None:
    z = gap / deviation
    if z < -6:
        return
    expected = deviation * (norm.pdf(z) + z * norm.cdf(z))
    found = log_expected_improvement(np.array([gap]), np.array([deviation]))[0]
    assert found == pytest.approx(math.log(expected), abs=1e-4)


def test_far_below_the_best_it_still_tells_candidates_apart() -> None:
    gaps = -np.arange(1, 60, dtype=float)
    gain = log_expected_improvement(gaps, np.ones_like(gaps))
    assert np.isfinite(gain).all()
    assert (np.diff(gain) < 0).all()


class Belief:
    """A posterior of independent candidates, which remembers what was believed."""

    def __init__(self, mean: list[float], variance: list[float]) -> None:
        self.mean, self.variance, self.noise = np.array(mean), np.array(variance), 0.0
        self.believed: list[int] = []

    def believe(self, index: int) -> None:
        self.believed.append(index)
        self.variance[index] = 1e-9


def test_the_promising_and_the_uncertain_are_chosen_each_once() -> None:
    belief = Belief([0.0, 1.0, 0.9, -3.0], [1.0, 0.01, 0.01, 0.01])
    assert choose(belief, 0.5, 3) == belief.believed  # type: ignore[arg-type]
    assert set(belief.believed) == {0, 1, 2}
    few = Belief([0.0, 1.0], [1.0, 1.0])
    assert choose(few, 0.0, 5) == [1, 0]  # type: ignore[arg-type]
    equal = Belief([0.0] * 4, [1.0] * 4)  # the first is taken
    assert choose(equal, 0.0, 1) == [0]  # type: ignore[arg-type]


def test_a_batch_is_spread_over_what_looks_good() -> None:
    space = TinySpace(3)
    kernel, genomes = GenomeKernel(space), all_canonical(space)
    seen = [genomes[i] for i in np.random.default_rng(0).choice(len(genomes), 60, replace=False)]
    process = GaussianProcess(kernel)
    scores = np.array([genome[0] - genome[3] + 0.1 * sum(genome) for genome in seen])
    process.fit(kernel.encode(seen), half_ranked(scores))
    others = kernel.encode(sorted(set(genomes) - set(seen)))

    alone = expected_gain(process.predict(others), 1.0)
    greedy = np.argsort(-alone, kind="stable")[:6].tolist()
    chosen = choose(process.predict(others), 1.0, 6)
    assert chosen[0] == greedy[0]
    assert len(set(chosen)) == 6

    def likeness(indices: list[int]) -> float:
        some = others[indices]
        return float(kernel.joint(some, some, process.hyperparameters.weights).mean())

    assert likeness(chosen) < likeness(greedy)
