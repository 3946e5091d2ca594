"""What is drawn within limits follows the conditioned distribution, however legality is decided."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from evo_nas.sampling.checks import Limits
from evo_nas.sampling.distribution import crossover, mutation
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.several import feasible_within
from evo_nas.space.space import Genome, Space
from tests.kit.spaces import (
    Merging,
    Tangled,
    TinySpace,
    Uneven,
    all_canonical,
    chi_square_tail,
    masses,
)  # fmt: skip

WIDE = TinySpace(2, wide=True)
MIDDLE = Limit("flops", 60, 200)


def legal_by_force(space: Space, *limits: Limit) -> list[Genome]:
    return [
        genome
        for genome in all_canonical(space)
        if all(space.costs(genome)[limit.metric] in limit for limit in limits)
    ]


@pytest.mark.parametrize(
    ("space", "limits", "listed"),
    [
        (WIDE, [Limit("flops", high=200)], True),  # costs that add up are not listed all the same
        pytest.param(WIDE, [Limit("flops", 150, 300)], True, marks=pytest.mark.slow),
        pytest.param(WIDE, [Limit("flops", 300, 330)], True, marks=pytest.mark.slow),
        (Uneven(2, wide=True), [MIDDLE], True),
        (Tangled(), [MIDDLE], True),
        (Merging(3), [MIDDLE], True),
        (Merging(3), [MIDDLE], False),
        (Merging(3).stage(0), [MIDDLE], True),
        pytest.param(
            WIDE, [Limit("flops", high=200), Limit("params", 8, 16)], False, marks=pytest.mark.slow
        ),
        (Merging(2), [Limit("flops", high=200), Limit("params", 8, 16)], False),
    ],
)
def test_draws_follow_the_conditioned_distribution(
    space: Space, limits: list[Limit], listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not listed:
        monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 1)
    found, legal = feasible_within(space, Limits(tuple(limits))), legal_by_force(space, *limits)
    assert 5 < len(legal) < len(all_canonical(space))
    rng = np.random.default_rng(3)
    for distribution in (
        found.prior, mutation(space, legal[1], 0.4), crossover(space, legal[0], legal[-1]),
    ):  # fmt: skip
        expected = masses(space, distribution, legal)
        drawn = Counter(found.draw(distribution, rng) for _ in range(4000))
        assert all(expected[genome] > 0 for genome in drawn)
        assert chi_square_tail(drawn, expected) > 1e-4


def test_draws_while_later_levels_are_open_follow_the_conditioned_prior() -> None:
    space = TinySpace(3)
    found = feasible(space.stage(0), Limit("flops", 250, 260), 0)
    legal = found.enumerate()
    assert legal is not None
    assert 1 < len(legal) < 27
    rng = np.random.default_rng(3)
    drawn = Counter(found.draw(found.prior, rng) for _ in range(4000))
    assert chi_square_tail(drawn, masses(found.space, found.prior, legal)) > 1e-4


@pytest.mark.parametrize("space", [WIDE, Merging(3), Tangled()], ids=type)
def test_uniform_draws_do_not_follow_the_prior(space: Space) -> None:
    found, legal = feasible(space, MIDDLE), legal_by_force(space, MIDDLE)
    rng = np.random.default_rng(0)
    drawn = Counter(found.draw_uniform(rng) for _ in range(4000))
    assert chi_square_tail(drawn, dict.fromkeys(legal, 1 / len(legal))) > 1e-4


@pytest.mark.parametrize("space", [WIDE, Merging(3)], ids=type)
def test_the_largest_are_drawn_from_the_prior_among_them(space: Space) -> None:
    found = feasible(space, Limit("flops", high=150))
    legal = legal_by_force(space, found.limit)
    highest = max(map(found.cost, legal))
    largest = [genome for genome in legal if found.cost(genome) == highest]
    assert len(largest) > 1
    rng = np.random.default_rng(4)
    drawn = Counter(found.draw_largest(rng) for _ in range(500))
    assert drawn.keys() <= set(largest)
    assert chi_square_tail(drawn, masses(space, found.prior, largest)) > 1e-4
