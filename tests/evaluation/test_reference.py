"""Places among a reference sample."""

import pytest

from evo_nas.core.streams import Streams
from evo_nas.evaluation.reference import Standing, reference_sample
from tests.kit.tinyspace import TinySpace, tiny_context


def test_places_are_shares_below_with_half_of_equals():
    standing = Standing([1, 2, 2, 4])
    assert [standing.place(v) for v in (1, 2, 4)] == [1 / 8, 1 / 2, 7 / 8]
    assert standing.place(1.5) == pytest.approx((1 / 8 + 1 / 2) / 2)


def test_places_go_on_beyond_the_sample():
    standing = Standing([10, 20, 30, 40])
    values = [-1e9, 0, 9, 10, 25, 40, 41, 100, 1e9]
    places = [standing.place(v) for v in values]
    assert places == sorted(set(places))
    assert standing.place(41) < 1 < standing.place(1e9)
    assert standing.place(41) - 7 / 8 == pytest.approx(1 / 8 - standing.place(9))


def test_a_sample_of_equals_still_tells_more_from_less():
    standing = Standing([3, 3])
    assert standing.place(2) < standing.place(3) == 0.5 < standing.place(4)


def test_the_sample_is_the_same_each_time_and_of_what_the_run_draws_from(tmp_path):
    space, context = TinySpace(), tiny_context(tmp_path)
    sample = reference_sample(space, context, 20)
    assert sample == reference_sample(space, context, 20)
    assert sample != reference_sample(space, tiny_context(tmp_path, streams=Streams(8)), 20)
    assert len(set(sample)) > 4
    legal = tiny_context(tmp_path, draw=lambda rng: (int(rng.integers(2)), 0))
    assert set(reference_sample(space, legal, 20)) == {(0, 0), (1, 0)}
