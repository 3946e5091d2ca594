"""Expected hypervolume improvement: the library's hypervolume, integrated over what is believed."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
import pytest

from evo_nas.evaluation.warping import half_ranked
from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome
from evo_nas.strategies.surrogate import hypervolume
from evo_nas.strategies.surrogate.hypervolume import (
    ExpectedHypervolumeImprovement,
    Staircase,
)
from evo_nas.strategies.surrogate.kernel import GenomeKernel
from evo_nas.strategies.surrogate.process import GaussianProcess
from tests.kit.spaces import TinySpace, all_canonical

SPACE = TinySpace(3)
GENOMES = all_canonical(SPACE)


def volume(values: Floats, costs: Floats, floor: float, ceiling: Floats) -> float:
    points = np.column_stack([-values, costs])
    return float(moocore.hypervolume(points, ref=np.array([-floor, *ceiling])))


@pytest.mark.parametrize("cells", [20_000, 0])
@pytest.mark.parametrize("costs", [1, 2, 3])
def test_what_a_point_adds_is_the_hypervolume_with_it_less_that_without_it(
    costs: int, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hypervolume, "_CELLS", cells)
    rng = np.random.default_rng(costs)
    for points in (0, 1, 4, 12):
        values, prices = rng.random(points), rng.random((points, costs))
        floor, ceiling = 0.2, np.full(costs, 0.9)
        stairs = Staircase(floor, ceiling, values, prices)
        known = volume(values, prices, floor, ceiling) if points else 0.0
        some = rng.random((10, costs))
        above = stairs.above(some)
        for value, price, levels in zip(rng.random(10), some, above, strict=True):
            together = np.append(values, value), np.vstack([prices, price])
            added = float(levels @ np.maximum(value - stairs.levels, 0))
            assert added == pytest.approx(volume(*together, floor, ceiling) - known, abs=1e-12)


def flops(genomes: Sequence[Genome]) -> Floats:
    return np.array([[SPACE.costs(genome)["flops"]] for genome in genomes], dtype=float)


def fitted(seed: int, *, latency: bool = False) -> tuple[list[GaussianProcess], list[Genome]]:
    """Processes of larger is better and perhaps of a latency, and what they have seen."""
    kernel, rng = GenomeKernel(SPACE), np.random.default_rng(seed)
    seen = [GENOMES[i] for i in rng.choice(len(GENOMES), 12, replace=False)]
    scores = np.array([genome[0] - genome[3] for genome in seen]) + flops(seen)[:, 0] / 50
    goals = [scores, -np.array([float(sum(genome)) for genome in seen])][: 1 + latency]
    processes = [GaussianProcess(kernel) for _ in goals]
    for process, values in zip(processes, goals, strict=True):
        process.fit(kernel.encode(seen), half_ranked(values))
    return processes, seen


@pytest.mark.parametrize("latency", [False, True])
def test_gains_are_the_mean_of_what_draws_from_the_belief_would_add(latency: bool) -> None:
    rng = np.random.default_rng(0)
    processes, seen = fitted(1, latency=latency)
    deviates = rng.standard_normal((100 if latency else 1, len(processes) - 1))
    acquisition = ExpectedHypervolumeImprovement(processes, flops, flops(seen), deviates)
    others = [genome for genome in GENOMES if genome not in seen][:40]
    gains = np.exp(acquisition.gain(others))
    values, costs = acquisition._values, acquisition._costs
    floor, ceiling = acquisition._floor, acquisition._ceiling
    known = volume(values, costs, floor, ceiling)
    beliefs = [process.about(others) for process in processes]
    checked = np.argsort(-gains)[:3]
    for i in checked:
        added = []
        for draw in rng.standard_normal((400, len(processes))):
            value, *minus = (
                b.mean[i] + d * np.sqrt(b.variance[i]) for b, d in zip(beliefs, draw, strict=True)
            )
            cost = [*flops(others[i : i + 1])[0], *(-m for m in minus)]
            together = np.append(values, value), np.vstack([costs, cost])
            added.append(volume(*together, floor, ceiling) - known)
        error = np.std(added) / np.sqrt(len(added))
        assert gains[i] == pytest.approx(np.mean(added), abs=5 * error, rel=0.1)


def test_a_batch_is_a_front_and_not_its_most_promising_place_many_times() -> None:
    processes, seen = fitted(2)
    acquisition = ExpectedHypervolumeImprovement(processes, flops, flops(seen), np.zeros((1, 0)))
    others = [genome for genome in GENOMES if genome not in seen]
    gains = acquisition.gain(others)
    greedy = [others[i] for i in np.argsort(-np.array(gains), kind="stable")[:6]]
    chosen = acquisition.choose(others, 6)
    assert chosen[0] == greedy[0]
    assert len(set(chosen)) == 6
    assert np.ptp(flops(chosen)) > np.ptp(flops(greedy))


def test_who_costs_more_than_the_hypervolume_reaches_adds_nothing() -> None:
    processes, seen = fitted(3)
    cheap = np.zeros((len(seen), 1))
    acquisition = ExpectedHypervolumeImprovement(processes, flops, cheap, np.zeros((1, 0)))
    assert set(acquisition.gain(GENOMES[:5])) == {-np.inf}
    assert len(acquisition.choose(GENOMES[:5], 3)) == 1
