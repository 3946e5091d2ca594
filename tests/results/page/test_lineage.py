"""Lineages: all ancestors, the nearest first when there are too many."""

from __future__ import annotations

from evo_nas.results.page.lineage import lineage
from evo_nas.results.tables import Table
from evo_nas.search.store.store import Evaluation
from tests.kit.finished import SPACE, evaluation, genome, stage_of

A, B, C, D = genome(0), genome(0, 1), genome(1), genome(1, 2)


def ancestors(*rows: Evaluation) -> tuple[Table, int]:
    found = lineage(stage_of(*rows), SPACE)
    assert found is not None
    return found


def test_a_winner_is_followed_to_its_random_ancestors() -> None:
    table, more = ancestors(
        evaluation(A, 0.1),
        evaluation(B, 0.2, position=1),
        evaluation(genome(2), 0.3, position=2),
        evaluation(C, 0.4, generation=1, origin="crossover", parents=(A, B)),
        evaluation(D, 0.9, generation=2, origin="mutation", parents=(C,)),
    )
    assert [row[0] for row in table.rows] == ["5", "4", "2", "1"]  # not the third
    assert [row[-2] for row in table.rows] == ["4", "1, 2", "-", "-"]
    assert table.rows[0][-1] == "block0.size 1 → 4; block1.size 1 → 4"
    assert table.rows[1][-1] == "choices that differ: 4 from 1, 6 from 2"
    assert table.rows[2][-1] == ""
    assert more == 0


def test_choices_that_begin_to_matter_are_told_and_those_that_cease_are_not() -> None:
    table, _more = ancestors(
        evaluation((2, 0, 0, 0, 1, 0), 0.1),
        evaluation((1, 1, 0, 2, 0, 0), 0.9, origin="mutation", parents=((2, 0, 0, 0, 1, 0),)),
    )
    assert table.rows[0][-1] == (
        "block0.kind c → b; block0.size 2; block0.depth 1; block1.kind a → c"
    )


def test_a_long_lineage_is_cut_at_the_far_end() -> None:
    chain = [SPACE.canonical((k, s, d, 1, t, e)) for k in (0, 1) for s in (0, 1, 2)
             for d in (0, 1) for t in (0, 1, 2) for e in (0, 1)]  # fmt: skip
    chain = list(dict.fromkeys(chain))
    rows = [
        evaluation(
            g, i / 100, generation=i, origin="mutation", parents=(chain[i - 1],) if i else ()
        )
        for i, g in enumerate(chain)
    ]
    table, more = ancestors(*rows)
    assert [int(row[0]) for row in table.rows] == list(range(len(chain), len(chain) - 16, -1))
    assert more == len(chain) - 16


def test_parents_whose_score_is_unknown_are_left_out() -> None:
    rows = evaluation(A, None), evaluation(B, 0.9, origin="mutation", parents=(A,), position=1)
    table, _more = ancestors(*rows)
    assert [row[-2] for row in table.rows] == ["-"]


def test_what_no_search_scored_has_no_lineage() -> None:
    assert lineage(stage_of(evaluation(A, 0.5, phase="finalists")), SPACE) is None
