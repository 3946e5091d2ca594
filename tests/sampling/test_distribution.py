from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.sampling.distribution import Distribution, crossover, mutation, prior
from evo_nas.space.space import Genome
from tests.kit.spaces import TinySpace, all_canonical, prior_mass

SPACE = TinySpace(1)
PAIR = TinySpace(2, wide=True)
GENOMES = st.sampled_from(all_canonical(PAIR))


def frequencies(distribution: Distribution, draws: int = 20_000) -> dict[Genome, float]:
    rng = np.random.default_rng(1)
    counts = Counter(distribution.draw(SPACE, rng) for _ in range(draws))
    return {genome: count / draws for genome, count in counts.items()}


def close(found: dict[Genome, float], expected: dict[Genome, float]) -> bool:
    genomes = found.keys() | expected.keys()
    return all(abs(found.get(g, 0) - expected.get(g, 0)) < 0.015 for g in genomes)


def test_the_prior_is_uniform_over_active_choices_not_over_genomes() -> None:
    expected = {genome: prior_mass(SPACE, genome) for genome in all_canonical(SPACE)}
    assert expected[(2, 0, 0)] == 1 / 3
    assert close(frequencies(prior(SPACE)), expected)


def test_a_gene_that_becomes_active_comes_from_the_prior() -> None:
    # The parent is "c": its size and depth are inactive and stored as first options.
    found = frequencies(mutation(SPACE, (2, 0, 0), 0.3))
    assert close(
        found,
        {
            (2, 0, 0): 0.7 + 0.1,
            **{(0, size, 0): 0.1 / 3 for size in range(3)},
            **{(1, size, depth): 0.1 / 6 for size in range(3) for depth in range(2)},
        },
    )


def test_only_parents_in_whom_a_gene_is_active_have_a_say() -> None:
    found = frequencies(crossover(SPACE, (2, 0, 0), (1, 2, 1)))
    assert close(found, {(2, 0, 0): 0.5, (1, 2, 1): 0.5})
    found = frequencies(crossover(SPACE, (0, 1, 0), (1, 2, 1)))
    assert close(found, {(0, 1, 0): 0.25, (0, 2, 0): 0.25, (1, 1, 1): 0.25, (1, 2, 1): 0.25})


@given(GENOMES, GENOMES, st.floats(0, 1), st.integers(0, 2**32))
def test_children_stay_in_the_space(first: Genome, second: Genome, rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for distribution in (prior(PAIR), mutation(PAIR, first, rate), crossover(PAIR, first, second)):
        child = distribution.draw(PAIR, rng)
        assert PAIR.check(child) == child


@given(GENOMES, st.integers(0, 2**32))
def test_no_mutation_at_rate_0(parent: Genome, seed: int) -> None:
    assert mutation(PAIR, parent, 0).draw(PAIR, np.random.default_rng(seed)) == parent


@given(GENOMES, GENOMES, st.integers(0, 2**32))
def test_crossover_takes_each_gene_that_stays_active_from_a_parent(
    first: Genome, second: Genome, seed: int
) -> None:
    child = crossover(PAIR, first, second).draw(PAIR, np.random.default_rng(seed))
    parents = [PAIR.options(first), PAIR.options(second)]
    for name, option in PAIR.options(child).items():
        having = [parent[name] for parent in parents if name in parent]
        assert not having or option in having
