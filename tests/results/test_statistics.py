"""Correlations against scipy's, intervals by how often they hold what they should."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from scipy import stats

from evo_nas.analysis.comparison.pairs import mean_difference
from evo_nas.results import statistics
from evo_nas.results.statistics import (
    Estimate,
    bootstrap,
    kendall,
    kendall_within,
    spearman,
)


@pytest.mark.parametrize("values", [3, 5, 1000])  # of each variable: many ties, some, none
@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_those_of_scipy_also_with_ties(values: int, seed: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, values, (2, 20)).astype(float)
    assert kendall(a, b) == pytest.approx(stats.kendalltau(a, b).statistic)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)


def test_what_does_not_vary_agrees_with_nothing() -> None:
    assert kendall([1, 1, 1], [1, 2, 3]) == 0
    assert spearman([1, 2, 3], [2, 2, 2]) == 0


def test_perfect_agreement_is_certain_from_six_items_on() -> None:
    assert str(bootstrap(kendall, range(6), range(6))) == "+1.00 [+1.00, +1.00]"
    assert bootstrap(kendall, range(6), range(6)).excludes_zero
    assert not bootstrap(kendall, range(5), range(5)).excludes_zero


def test_an_interval_that_holds_zero_does_not_exclude_it() -> None:
    assert not Estimate(0.2, -0.1, 0.5, enough=True).excludes_zero
    assert Estimate(-0.2, -0.4, -0.1, enough=True).excludes_zero
    assert not Estimate(-0.2, -0.4, -0.1, enough=False).excludes_zero


def test_the_same_samples_give_the_same_interval() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 12))
    assert bootstrap(spearman, a, b) == bootstrap(spearman, a, b)


def test_pairing_removes_what_pairs_share() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(scale=10, size=12)
    estimate = mean_difference(shared + 1 + rng.normal(scale=0.1, size=12), shared)
    assert estimate.excludes_zero
    assert estimate.high - estimate.low < 0.5


TRUE_TAU = 2 / np.pi * np.arcsin(0.6)  # Kendall's of a normal pair with correlation 0.6


def held(estimates: Iterable[Estimate], truth: float) -> int:
    return sum(each.low <= truth <= each.high for each in estimates)


def test_intervals_hold_the_truth_95_times_in_100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_RESAMPLES", 500)
    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(2, 8)) for _ in range(200)]
    # 200 draws at 95% give fewer than 180 one time in a thousand; plain percentiles give 176.
    assert held((mean_difference(a + 1, b) for a, b in pairs), 1) > 180
    pairs = [rng.normal(size=(2, 16)) for _ in range(100)]
    assert held((bootstrap(kendall, a, 0.6 * a + 0.8 * b) for a, b in pairs), TRUE_TAU) > 87


def test_kendall_within_groups_counts_pairs_of_the_same_group() -> None:
    a, b, groups = [1, 2, 3, 4], [2, 1, 4, 3], [0, 0, 1, 1]
    assert kendall(a, b) == pytest.approx(1 / 3)
    assert kendall_within(a, b, groups) == -1
    assert kendall_within(a, b, [0, 0, 0, 0]) == kendall(a, b)
    assert kendall_within(a, b, [0, 1, 2, 3]) == 0
