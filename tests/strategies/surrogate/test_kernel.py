import numpy as np
import pytest

from evo_nas.space.space import Choice, Genome
from evo_nas.strategies.surrogate.kernel import GenomeKernel
from tests.kit.spaces import TinySpace, all_canonical

SPACE = TinySpace(2)  # of two blocks: kind "a", "b", "c"; size 1, 2, 4 of "a" and "b"; depth of "b"
KERNEL = GenomeKernel(SPACE)
WEIGHTS = np.array([0.5, 0.2, 0.1, 0.4, 0.3, 0.05])
GENOMES = all_canonical(SPACE)


def joint(first: Genome, second: Genome) -> float:
    encoded = KERNEL.encode([first, second])
    return float(KERNEL.joint(encoded[:1], encoded[1:], WEIGHTS)[0, 0])


def test_distances_add_up_over_choices_that_differ_in_option_or_activity() -> None:
    genome = (0, 0, 0, 0, 0, 0)
    assert joint(genome, genome) == 1
    assert joint(genome, (1, 0, 0, 0, 0, 0)) == pytest.approx(np.exp(-0.5 - 0.1))  # kind, depth
    assert joint(genome, (2, 0, 0, 0, 0, 0)) == pytest.approx(np.exp(-0.5 - 0.2))  # kind, size
    other_block = (0, 0, 0, 2, 0, 0)
    assert joint(genome, other_block) == pytest.approx(np.exp(-0.4 - 0.3))
    assert joint((2, 0, 0, 0, 0, 0), other_block) == pytest.approx(np.exp(-1.4))


def test_numbers_are_nearer_the_nearer_their_ranks() -> None:
    sizes = [(0, size, 0, 0, 0, 0) for size in range(3)]
    # Ranks differ by 4/3 in the mean of unequal ones; half of the distance goes by rank.
    assert joint(sizes[0], sizes[1]) == pytest.approx(np.exp(-0.2 * (0.5 + 0.5 * 3 / 4)))
    assert joint(sizes[0], sizes[2]) == pytest.approx(np.exp(-0.2 * (0.5 + 0.5 * 6 / 4)))


def test_the_order_of_numeric_options_is_that_of_the_numbers() -> None:
    class Shuffled(TinySpace):
        choices = (Choice("size", (2, 1, 4)), Choice("kind", ("x", "y", "z")))

        def __init__(self) -> None: ...

    kernel = GenomeKernel(Shuffled())
    weights = np.ones(2)
    encoded = kernel.encode([(0, 0), (1, 0), (2, 0), (0, 1), (0, 2)])
    two, one, four, y, z = kernel.joint(encoded[:1], encoded, weights)[0]
    assert two > one == four
    assert y == z
    one, four = kernel.joint(encoded[1:2], encoded[1:3], weights)[0]
    assert one > kernel.joint(encoded[1:2], encoded[:1], weights)[0, 0] > four


def test_effects_sum_to_zero_over_the_options_of_a_choice() -> None:
    encoded = KERNEL.encode([(0, size, 0, 0, 0, 0) for size in range(3)])
    only_size = np.array([0, 1.0, 0, 0, 0, 0])
    covariance = KERNEL.main(encoded, KERNEL.encode(GENOMES), only_size)
    assert covariance.sum(axis=0) == pytest.approx(0)
    assert KERNEL.main_variance(encoded, only_size).mean() == pytest.approx(1)


def test_an_inactive_choice_has_no_effect() -> None:
    skipped = KERNEL.encode([(2, 0, 0, 2, 0, 0)])
    details = np.array([0, 0.2, 0.1, 0, 0.3, 0.05])
    assert not KERNEL.main(skipped, KERNEL.encode(GENOMES), details).any()


def test_both_parts_are_covariances() -> None:
    encoded = KERNEL.encode(GENOMES)
    assert len(np.unique(encoded, axis=0)) == len(GENOMES)
    for part in (KERNEL.main, KERNEL.joint):
        covariance = part(encoded, encoded, WEIGHTS)
        assert covariance == pytest.approx(covariance.T)
        assert np.linalg.eigvalsh(covariance).min() > -1e-9
    main = KERNEL.main(encoded, encoded, WEIGHTS)
    assert KERNEL.main_variance(encoded, WEIGHTS) == pytest.approx(np.diag(main))
    assert np.diag(KERNEL.joint(encoded, encoded, WEIGHTS)) == pytest.approx(1)


def test_slopes_are_those_of_finite_differences() -> None:
    encoded = KERNEL.encode(GENOMES[::7])
    upstream = np.random.default_rng(0).standard_normal((len(encoded), len(encoded)))
    upstream += upstream.T

    def by_differences(part: str, choice: int) -> float:
        sides = []
        for step in (1e-5, -1e-5):
            weights = WEIGHTS.copy()
            weights[choice] *= np.exp(step)
            sides.append((upstream * getattr(KERNEL, part)(encoded, encoded, weights)).sum())
        return float(sides[0] - sides[1]) / 2e-5

    joint = upstream * KERNEL.joint(encoded, encoded, WEIGHTS)
    slopes = {
        "main": KERNEL.main_slope(encoded, WEIGHTS, upstream),
        "joint": KERNEL.joint_slope(encoded, WEIGHTS, joint),
    }
    for part, slope in slopes.items():
        expected = [by_differences(part, choice) for choice in range(len(WEIGHTS))]
        assert slope == pytest.approx(expected, rel=1e-5, abs=1e-7)
