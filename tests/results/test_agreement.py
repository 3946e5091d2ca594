"""Numbers about rankings, on rankings whose agreement is known."""

from __future__ import annotations

import numpy as np
import pytest

from evo_nas.results.agreement import agreement, baseline, countable, repeat_noise
from evo_nas.results.statistics import kendall
from tests.kit.spaces import TinySpace

TRUTH = [float(i) for i in range(8)]
SWAPPED = [1.0, 0.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0]  # four of 28 pairs the wrong way round


def test_an_agreement_has_both_correlations_with_intervals() -> None:
    found = agreement("score", SWAPPED, TRUTH)
    assert found.tau.value == pytest.approx(1 - 2 * 4 / 28)
    assert found.tau.low < found.tau.value <= found.tau.high
    assert found.rho.value == pytest.approx(1 - 6 * 8 / (8 * 63))
    assert found.ahead is None


def test_a_baseline_goes_in_its_better_direction_and_is_subtracted_from_the_score() -> None:
    fewer = baseline("heads", [-value for value in TRUTH], SWAPPED, TRUTH)
    assert fewer is not None
    assert fewer.name == "fewer heads"
    assert fewer.tau.value == 1
    assert fewer.ahead is not None
    assert fewer.ahead.value == pytest.approx(-2 * 4 / 28)
    more = baseline("heads", TRUTH, SWAPPED, TRUTH)
    assert more is not None
    assert (more.name, more.tau) == ("more heads", fewer.tau)


def test_what_is_the_same_for_all_is_no_ranking() -> None:
    assert baseline("heads", [3.0] * 8, SWAPPED, TRUTH) is None


def test_options_that_are_numbers_are_counted_where_they_are_active() -> None:
    space = TinySpace(2)
    options = [
        {"block0.kind": "a", "block0.size": 4, "block1.kind": "c"},
        {"block0.kind": "b", "block0.size": 1, "block0.depth": 2,
         "block1.kind": "a", "block1.size": 2},
    ]  # fmt: skip
    genomes = [space.encode(each) for each in options]
    assert countable(space, genomes) == {"size in all": [4, 3], "depth in all": [0, 2]}


@pytest.mark.parametrize("count", [2, 3])
def test_repeats_tell_their_noise_and_what_a_perfect_score_could_reach(count: int) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 2000)
    repeats = truth + rng.normal(0, 0.5, (count, 2000))
    noise = repeat_noise(repeats.tolist())
    assert noise.deviation == pytest.approx(0.5, rel=0.05)
    assert noise.ceiling == pytest.approx(kendall(truth, repeats.mean(axis=0)), abs=0.02)
    assert noise.tau == pytest.approx(kendall(repeats[0], repeats[1]), abs=0.02)
    assert noise.tau < noise.ceiling


def test_nothing_but_noise_leaves_nothing_to_agree_with() -> None:
    noise = repeat_noise([[1.0, 2.0, 1.0, 2.0], [2.0, 1.0, 2.0, 1.0]])
    assert noise.ceiling == 0
    assert repeat_noise([[1.0, 2.0], [1.0, 2.0]]).ceiling == pytest.approx(1)
