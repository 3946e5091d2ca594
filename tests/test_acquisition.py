import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evo_nas.acquisition import choose, half_ranked, log_expected_improvement


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


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_half_ranks_keep_the_order_and_forget_how_bad_the_bad_are(values: list[float]) -> None:
    given_, warped = np.array(values), half_ranked(np.array(values))
    assert np.isfinite(warped).all()
    order = np.argsort(given_, kind="stable")
    assert (np.diff(warped[order]) >= -1e-9).all()


def test_a_disaster_does_not_decide_the_scale() -> None:
    values = np.array([0.70, 0.71, 0.72, 0.73, 0.74])
    disaster = np.array([-1e9, 0.71, 0.72, 0.73, 0.74])
    assert half_ranked(disaster) == pytest.approx(half_ranked(values))


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
    assert sorted(choose(few, 0.0, 5)) == [0, 1]  # type: ignore[arg-type]


def test_among_equals_the_first_is_taken() -> None:
    assert choose(Belief([0.0] * 4, [1.0] * 4), 0.0, 1) == [0]  # type: ignore[arg-type]
