"""What trained networks teach of others: ridge regressions, and the files that they learn from."""

import numpy as np
import pytest

from evo_nas.errors import SettingsError
from evo_nas.evaluation.zero_cost.features import Taught, Trained, Truth
from evo_nas.evaluation.zero_cost.ridge import Ridge, held_out
from evo_nas.results.statistics import kendall
from tests.kit.spaces import TinySpace

SPACE = TinySpace(blocks=4)


def truth(count, maximise=True, noise=0.0, **changes):
    """Networks whose genes add up, each with a weight of its own."""
    weights = np.random.default_rng(2).normal(size=len(SPACE.choices))
    rng = np.random.default_rng(3)
    genomes = list(dict.fromkeys(
        SPACE.canonical([int(rng.integers(len(c.options))) for c in SPACE.choices])
        for _ in range(4 * count)
    ))[:count]  # fmt: skip
    reached = [float(weights @ g) + noise * rng.normal() for g in genomes]
    sign = 1 if maximise else -1
    networks = tuple(Trained(g, sign * r) for g, r in zip(genomes, reached, strict=True))
    return Truth(**{"space": SPACE.fingerprint, "metric": "accuracy", "maximise": maximise,
                    "networks": networks, **changes})  # fmt: skip


def test_a_ridge_finds_a_plane():
    features = np.random.default_rng(1).normal(size=(30, 4))
    targets = features @ [1.0, -2.0, 0.0, 0.5] + 7
    ridge = Ridge(features, targets)
    new = np.random.default_rng(2).normal(size=(5, 4))
    found = ridge.mean + ridge.deviation(new)
    assert found == pytest.approx(new @ [1.0, -2.0, 0.0, 0.5] + 7, abs=0.01)


def test_what_is_held_out_does_not_follow_its_own_target():
    features = np.random.default_rng(1).normal(size=(12, 3))
    targets = np.random.default_rng(2).normal(size=12)
    before = held_out(features, targets) - targets.mean()
    targets[4] += 100
    after = held_out(features, targets) - targets.mean()
    assert after[4] == pytest.approx(before[4])
    assert after[5] != pytest.approx(before[5])


def test_features_that_say_nothing_do_not_turn_the_order_round():
    rng = np.random.default_rng(1)
    taus = []
    for _ in range(40):
        features, targets = rng.normal(size=(20, 6)), rng.normal(size=20)
        taus.append(kendall(held_out(features, targets), targets))
    assert abs(np.mean(taus)) < 0.1


@pytest.mark.parametrize("maximise", [True, False])
def test_networks_teach_what_others_reach_in_the_direction_that_is_better(maximise):
    known, every = truth(24, maximise), truth(48, maximise)
    taught = Taught(SPACE, known)
    others = every.networks[24:]
    sign = 1 if maximise else -1
    scores = [taught.score(network.genome) for network in others]
    assert kendall(scores, [sign * network.reached for network in others]) > 0.7


def test_a_network_that_teaches_is_scored_by_the_others():
    known = truth(16, noise=1.0)
    genome = known.networks[3].genome
    changed = tuple(
        Trained(n.genome, n.reached + 100 * (n.genome == genome)) for n in known.networks
    )
    before = Taught(SPACE, known)
    after = Taught(SPACE, truth(16, networks=changed))
    # Only the mean of all, which is the same for all, has moved.
    assert after.score(genome) - before.score(genome) == pytest.approx(100 / 16)


def test_a_truth_is_read_as_it_was_saved(tmp_path):
    truth(6).save(tmp_path / "truth.json")
    assert Truth.read(tmp_path / "truth.json", SPACE) == truth(6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": "another"}, "are of another space than tiny"),
        ({"networks": truth(6).networks[:3]}, "networks"),
        (
            {"networks": (*truth(5).networks, Trained((99,) * len(SPACE.choices), 0.5))},
            "options 0 to 2",
        ),
        ({"networks": (*truth(5).networks, Trained((0,), 0.5))}, "genome"),
    ],
)
def test_a_truth_that_is_none_of_this_space_is_refused(tmp_path, changes, said):
    truth(6, **changes).save(tmp_path / "truth.json")
    with pytest.raises(SettingsError, match=said):
        Truth.read(tmp_path / "truth.json", SPACE)
