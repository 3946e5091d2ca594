"""A stage's candidates: numbered as proposed, ranked, drawn where their numbers say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from evo_nas.evaluation.evaluator import Objective
from evo_nas.results.candidates import Stage, read_stage
from evo_nas.results.charts.stages import flops_chart, time_chart
from evo_nas.sampling.limits import parse_range
from tests.kit.finished import BUDGET, evaluation, genome, stage_of
from tests.kit.svg import SVG, assert_inside, dots, texts, titles

SEARCHED = [
    evaluation(genome(2), 0.2),
    evaluation(genome(0), 0.6, position=1),
    evaluation(genome(1), None, position=2),
    evaluation(genome(0, 1), 0.5, generation=1),
    evaluation(genome(0), 0.6, generation=1, position=1),
]
JUDGED = [
    evaluation(genome(0), 0.7, phase="finalists", origin="finalist"),
    evaluation(genome(0, 1), 0.9, phase="finalists", origin="finalist", position=1),
]


def test_candidates_are_numbered_as_proposed_and_failed_ones_have_a_number_too() -> None:
    stage = stage_of(*SEARCHED)
    assert [c.number for c in stage.candidates] == [1, 2, 4, 5]
    assert (stage.proposed, len(stage.candidates)) == (5, 4)
    assert [c.score for c in stage.ranked] == [0.6, 0.5, 0.2]  # each network once
    assert (stage.ranked[0].number, stage.winner) == (2, genome(0))


def test_finalists_are_ranked_by_what_judged_them_and_know_their_candidate() -> None:
    stage = stage_of(*SEARCHED, *JUDGED)
    assert [(f.place, f.score) for f in stage.finalists] == [(1, 0.9), (2, 0.7)]
    assert [f.searched.number for f in stage.finalists if f.searched] == [4, 2]
    assert stage.winner == genome(0, 1)


def test_less_is_better_where_the_objective_says_so() -> None:
    least = Objective("accuracy", maximise=False)
    stage = read_stage([*SEARCHED, *JUDGED], "stage1", least, least)
    assert stage.ranked[0].score == 0.2
    assert stage.finalists[0].score == 0.7
    strokes = [g for g in ElementTree.fromstring(time_chart(stage)).iter(f"{SVG}g")
               if g.get("stroke-width") == "2"]  # fmt: skip
    line = strokes[-1][0].get("d", "")[1:].split("L")
    assert len({corner.split()[1] for corner in line}) == 1  # the first candidate stays the best


def test_every_candidate_is_drawn_over_its_flops_and_over_its_number() -> None:
    stage = stage_of(*SEARCHED, *JUDGED)
    for drawn in (flops_chart(stage, BUDGET), time_chart(stage)):
        assert dots(drawn) == 4 + 1
        assert_inside(drawn)


def test_finalists_and_the_winner_are_marked_with_all_their_numbers() -> None:
    drawn = flops_chart(stage_of(*SEARCHED, *JUDGED), BUDGET)
    flops = f"{SEARCHED[3].flops:,}"
    told = f"finalist 1: 0.9000 as a finalist, 0.5000 in the search (candidate 4), {flops} FLOPs"
    assert told in titles(drawn)
    assert {"finalist", "best finalist", "budget", "best for its FLOPs"} <= set(texts(drawn))


def test_both_limits_of_a_budget_are_drawn() -> None:
    drawn = flops_chart(stage_of(*SEARCHED), parse_range("40..60"))
    assert {"lower limit", "upper limit"} <= set(texts(drawn))


def test_what_was_not_searched_is_drawn_as_judged() -> None:
    stage = stage_of(*JUDGED)
    assert stage.ranked == ()
    drawn = flops_chart(stage, BUDGET)
    assert len(titles(drawn)) == 2  # the finalist, and the best one
    assert_inside(drawn)


@pytest.mark.parametrize("number", [2999, 3001, 10_000])
def test_large_searches_are_thinned(number: int) -> None:
    stage = stage_of(*(evaluation(genome(2), i / number, position=i) for i in range(number)))
    assert 1500 <= dots(time_chart(stage)) <= 3001


def test_stages_keep_apart() -> None:
    other = evaluation(genome(1), 0.99, stage="stage2")
    stage: Stage = stage_of(*SEARCHED, other)
    assert max(c.score for c in stage.candidates) == 0.6
