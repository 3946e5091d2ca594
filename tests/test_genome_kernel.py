import numpy as np
import pytest

from evo_nas.genome_kernel import GenomeKernel
from evo_nas.space import Genome
from tests.spacekit import TinySpace, all_canonical

SPACE = TinySpace(2)  # kind "a", "b", "c"; size 1, 2, 4 of "a" and "b"; depth 1, 2 of "b"
KERNEL = GenomeKernel(SPACE)
WEIGHTS = np.array([0.5, 0.2, 0.1, 0.4, 0.3, 0.05])
GENOMES = all_canonical(SPACE)


def joint(first: Genome, second: Genome) -> float:
    encoded = KERNEL.encode([first, second])
    return float(KERNEL.joint(encoded[:1], encoded[1:], WEIGHTS)[0, 0])


def test_distances_add_up_over_the_choices_that_differ() -> None:
    genome = (0, 0, 0, 0, 0, 0)
    assert joint(genome, genome) == 1
    # Kinds are names; "a" and "b" both have a size, and only "b" a depth: 0.5 + 0.1.
    assert joint(genome, (1, 0, 0, 0, 0, 0)) == pytest.approx(np.exp(-0.6))
    # "c" has no size either: another kind, and a choice that is active in one of them only.
    assert joint(genome, (2, 0, 0, 0, 0, 0)) == pytest.approx(np.exp(-0.7))
    assert joint((2, 0, 0, 0, 0, 0), (2, 0, 0, 1, 0, 0)) == pytest.approx(np.exp(-0.4 - 0.05))


def test_numbers_are_nearer_when_their_ranks_are() -> None:
    # Ranks 0, 1, 2 differ by 4/3 in the mean; half of a distance is by rank: 0.875 or 1.25.
    assert joint((0, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0)) == pytest.approx(np.exp(-0.2 * 0.875))
    assert joint((0, 0, 0, 0, 0, 0), (0, 2, 0, 0, 0, 0)) == pytest.approx(np.exp(-0.2 * 1.25))


def test_effects_sum_to_zero_over_the_options_of_an_active_choice() -> None:
    other = KERNEL.encode([(1, 2, 1, 0, 1, 0)])
    for position, options in ((1, 3), (4, 3)):
        genomes = [list(GENOMES[-1]) for _ in range(options)]
        genomes = [[1, 0, 0, 1, 0, 0] for _ in range(options)]
        for option, genome in enumerate(genomes):
            genome[position] = option
        covariance = KERNEL.main(KERNEL.encode([tuple(g) for g in genomes]), other, WEIGHTS)
        others = [[1, 0, 0, 1, 0, 0]]
        without = KERNEL.main(KERNEL.encode([tuple(g) for g in others]), other, WEIGHTS)
        assert covariance.mean() != pytest.approx(without.mean())


def test_an_inactive_choice_has_no_effect() -> None:
    skipped = KERNEL.encode([(2, 0, 0, 2, 0, 0)])
    only_kinds = np.where(np.arange(6) % 3 == 0, WEIGHTS, 0)
    covariance = KERNEL.main(skipped, KERNEL.encode(GENOMES), WEIGHTS)
    by_kind = KERNEL.main(skipped, KERNEL.encode(GENOMES), only_kinds)
    assert covariance * WEIGHTS.sum() == pytest.approx(by_kind * only_kinds.sum())


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
