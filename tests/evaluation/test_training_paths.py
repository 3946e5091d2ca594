"""Which paths the steps of a supernet's training take: all of what is searched, or what fits."""

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from evo_nas.core.streams import Streams
from evo_nas.evaluation.training_paths import TrainingPaths, describe_paths
from evo_nas.sampling.checks import Bound, Limits
from evo_nas.sampling.distribution import prior
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.several import feasible_within
from evo_nas.training.recipe import Phase, Recipe
from tests.kit.spaces import TinySpace, Uneven, all_canonical, chi_square_tail, masses

PHASE = Phase("sgd", 1, 16, 0.1, 0.0)
recipe = partial(Recipe, "mine", supernet=PHASE, train=PHASE)
WITHIN = Limits((Limit("flops", 250, 260),))


def flops(space, genome):
    return space.costs(genome)["flops"]


def drawn(paths, steps):
    return [genome for step in range(steps) for genome in paths.of(step)]


def test_usually_a_step_takes_one_path_of_the_prior_whatever_is_limited():
    space, streams = TinySpace(3), Streams(7)
    legal = feasible_within(space, WITHIN)
    paths = TrainingPaths(space, recipe(), legal, streams)
    expected = prior(space).draw(space, streams.generator("supernet", "path", 11))
    assert paths.of(11) == paths.of(11) == [expected]
    assert (paths.count, paths.within, paths.identity, paths.told) == (1, "", {}, "")


@pytest.mark.parametrize("legal", [None, feasible_within(TinySpace(3), Limits(()))])
def test_where_nothing_is_limited_the_budget_is_the_prior(legal):
    space = TinySpace(3)
    usual, within = (
        TrainingPaths(space, recipe(paths=paths), legal, Streams(7))
        for paths in ("prior", "budget")
    )
    assert drawn(within, 50) == drawn(usual, 50)
    assert within.identity == {}


def test_paths_follow_the_prior_of_what_can_be_completed():
    space = TinySpace(3)
    stage = space.stage(0)
    legal = feasible_within(stage, WITHIN, 0)
    paths = TrainingPaths(stage, recipe(paths="budget"), legal, Streams(7))
    fitting = legal.enumerate()
    assert 1 < len(fitting) < len(all_canonical(stage))
    counts = Counter(drawn(paths, 800))
    assert chi_square_tail(counts, masses(stage, legal.prior, fitting)) > 1e-4
    text = "250<=flops<=260, once the levels after 0 are decided"
    assert paths.identity == {"within": text}
    assert paths.told == "one path within the limits that later levels can complete"
    final = TrainingPaths(space, recipe(paths="budget"), feasible_within(space, WITHIN), Streams(7))
    assert final.within == "250<=flops<=260"


@pytest.mark.parametrize("space", [TinySpace(2), Uneven(2)], ids=["added up", "listed"])
@pytest.mark.parametrize("paths", ["prior", "budget"])
def test_a_sandwich_has_the_largest_the_smallest_and_drawn_ones(space, paths):
    legal = feasible_within(space, Limits((Limit("flops", 60, 120),)))
    found = TrainingPaths(space, recipe(paths=paths, sandwich=4), legal, Streams(7))
    among = all_canonical(space) if paths == "prior" else legal.enumerate()
    costs = sorted(flops(space, genome) for genome in among)
    single = TrainingPaths(space, recipe(paths=paths), legal, Streams(7))
    for step in range(20):
        largest, smallest, *others = found.of(step)
        assert (flops(space, largest), flops(space, smallest)) == (costs[-1], costs[0])
        assert [largest, smallest] == found.of(0)[:2]
        assert set(others) <= set(among)
        assert len(others) == 2
        assert others[0] == single.of(step)[0]
    assert found.count == found.passes == 4
    assert found.identity["sandwich"] == "4"
    assert f"the largest path ({costs[-1]} FLOPs), the smallest ({costs[0]} FLOPs)" in found.told


def test_shards_may_have_paths_of_their_own():
    space = TinySpace(3)
    own = replace(PHASE, shards=3, own_paths=True)
    paths = TrainingPaths(space, recipe(supernet=own), None, Streams(7))
    single = TrainingPaths(space, recipe(), None, Streams(7))
    assert (paths.count, paths.passes, paths.identity) == (3, 1, {})
    found = paths.of(4)
    assert len(found) == 3
    assert found[0] == single.of(4)[0]
    assert len(set(drawn(paths, 20))) > 3
    assert paths.told == "3 paths, each on its part of the images"
    assert "own_paths=True" in own.identity


def test_what_an_earlier_stage_decided_stays_in_every_path_of_a_sandwich():
    space = TinySpace(2, wide=True)
    first = space.stage(0)
    decided = first.lift(prior(first).draw(first, np.random.default_rng(0)))
    stage = space.stage(1, decided)
    paths = TrainingPaths(stage, recipe(sandwich=2), None, Streams(0))
    costs = [flops(stage, genome) for genome in all_canonical(stage)]
    assert [flops(stage, genome) for genome in paths.of(3)] == [max(costs), min(costs)]


def test_nothing_is_measured_to_draw_paths():
    def measured(full):
        raise AssertionError("measured")

    space, bound = TinySpace(3), Limit("latency", high=1)
    limits = Limits(WITHIN.costs, (Bound(bound, measured, measured=True),))
    legal = feasible_within(space, limits)
    paths = TrainingPaths(space, recipe(paths="budget", sandwich=3), legal, Streams(7))
    assert all(250 <= flops(space, genome) <= 260 for genome in drawn(paths, 5))
    assert "latency" not in paths.within


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, ""),
        ({"paths": "budget"}, "one path within the limits"),
        ({"sandwich": 2}, "the largest path and the smallest"),
        ({"sandwich": 5}, "the largest path, the smallest and 3 at random"),
        (
            {"sandwich": 2, "paths": "budget"},
            "the largest path and the smallest, within the limits",
        ),
    ],
)
def test_a_plan_tells_them_in_words(keys, told):
    assert describe_paths(recipe(**keys)) == told
