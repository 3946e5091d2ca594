from collections import Counter

import numpy as np
import pytest

from evo_nas.sampling.distribution import crossover, mutation
from evo_nas.sampling.feasible import Feasible, feasible
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.sampler import Exhausted, Sampler
from tests.kit.spaces import TinySpace, Uneven, all_canonical, chi_square_tail, masses

SPACE = TinySpace(3)


def test_every_legal_genome_is_proposed_once_and_then_the_space_is_exhausted() -> None:
    legal = feasible(SPACE, Limit("flops", 180, 260))
    sampler = Sampler(legal)
    rng = np.random.default_rng(0)
    expected = legal.enumerate()
    assert expected is not None
    drawn = [sampler.fresh(rng)[0] for _ in expected]
    assert sorted(drawn) == list(expected)
    with pytest.raises(Exhausted):
        sampler.fresh(rng)


def test_a_distribution_that_only_repeats_itself_gives_way_to_the_next() -> None:
    sampler = Sampler(feasible(SPACE, Limit("flops", high=10**6)))
    rng = np.random.default_rng(0)
    parent, _ = sampler.fresh(rng)
    child, used = sampler.fresh(rng, lambda: mutation(SPACE, parent, 0.0))
    assert used == 1
    assert child != parent
    _, used = sampler.fresh(rng, lambda: mutation(SPACE, parent, 0.5))
    assert used == 0


def test_too_many_to_enumerate_and_a_lopsided_prior_still_gives_new_genomes() -> None:
    # Nearly all prior mass of the legal genomes is on few of them once those are proposed.
    legal = feasible(SPACE, Limit("flops", high=10**6))
    legal.enumerate = lambda: None  # type: ignore[method-assign]
    sampler = Sampler(legal)
    rng = np.random.default_rng(0)
    everything = all_canonical(SPACE)
    drawn = {sampler.fresh(rng)[0] for _ in range(len(everything) - 3)}
    assert len(drawn) == len(everything) - 3


def test_looking_does_not_take() -> None:
    sampler = Sampler(feasible(SPACE, Limit("flops", high=400)))
    rng = np.random.default_rng(0)
    seen = sampler.look(sampler.feasible.prior, 30, rng)
    assert len(set(seen)) == len(seen) > 5
    assert all(SPACE.costs(genome)["flops"] <= 400 for genome in seen)
    sampler.take(seen[0])
    again = sampler.look(sampler.feasible.prior, 1000, rng)
    assert set(seen[1:]) & set(again)
    assert seen[0] not in again


def test_looking_where_hardly_anything_is_legal_finds_that() -> None:
    lowest = min(SPACE.costs(genome)["flops"] for genome in all_canonical(SPACE))
    sampler = Sampler(feasible(SPACE, Limit("flops", lowest, lowest)))
    for genome in sampler.look(sampler.feasible.prior, 3, np.random.default_rng(0)):
        assert SPACE.costs(genome)["flops"] == lowest


def test_what_was_only_looked_at_can_still_be_proposed() -> None:
    legal = feasible(SPACE, Limit("flops", 180, 260))
    everything = legal.enumerate()
    assert everything is not None
    sampler = Sampler(legal)
    rng = np.random.default_rng(0)
    taken = sampler.look(legal.prior, 50, rng)[::2]
    for genome in taken:
        sampler.take(genome)
    rest = [sampler.fresh(rng)[0] for _ in range(len(everything) - len(taken))]
    assert sorted(rest + taken) == list(everything)
    assert sampler.look(legal.prior, 50, rng) == []


def test_looking_draws_from_the_conditioned_distribution() -> None:
    legal = feasible(SPACE, Limit("flops", 90, 200))
    rng = np.random.default_rng(0)
    looked = Counter(Sampler(legal).look(legal.prior, 1, rng)[0] for _ in range(4000))
    expected = masses(SPACE, legal.prior, legal.enumerate() or ())
    assert chi_square_tail(looked, expected) > 1e-4


def test_looking_gives_up_where_only_rejection_is_possible() -> None:
    parents = ((0,) * 24, (1, 1, 1) * 8)
    legal = Feasible(TinySpace(8), Limit("flops", high=10**6))
    legal.legal = lambda genome: genome in parents  # type: ignore[method-assign]
    children = crossover(legal.space, *parents)
    assert Sampler(legal).look(children, 10, np.random.default_rng(0)) == []


# -- what is proposed follows the distribution ----------------------------------------------------


# Budgets of 77% of the prior are mostly met by drawing without them, of 4% by the table.
@pytest.mark.parametrize("budget", [Limit("flops", high=250), Limit("flops", 380, 400)], ids=str)
@pytest.mark.parametrize("space", [TinySpace(2, wide=True), Uneven(2, wide=True)], ids=type)
def test_what_is_proposed_first_follows_the_conditioned_distribution(
    space: TinySpace, budget: Limit
) -> None:
    # Sensitive: were 15% of the draws uniform over the legal genomes, every case would fail.
    legal = [g for g in all_canonical(space) if space.costs(g)["flops"] in budget]
    found = feasible(space, budget)
    parents = legal[0], legal[-1]
    for distribution in (
        found.prior, mutation(space, parents[0], 0.3), crossover(space, *parents),
    ):  # fmt: skip
        expected, rng = masses(space, distribution, legal), np.random.default_rng(5)
        for propose in (
            lambda d=distribution, r=rng: Sampler(found).draw(d, r),
            lambda d=distribution, r=rng: Sampler(found).fresh(r, lambda: d)[0],
        ):
            drawn = Counter(propose() for _ in range(6000))
            assert drawn.keys() <= set(legal)
            assert chi_square_tail(drawn, expected) > 1e-3
