"""Shares of options among the best and among all, counted by hand."""

from __future__ import annotations

from evo_nas.results.page.shares import Shares, shares
from evo_nas.space.space import Genome
from tests.kit.finished import SPACE, evaluation, stage_of


def counted(*scored: tuple[Genome, float]) -> Shares | None:
    rows = (evaluation(g, score, position=i) for i, (g, score) in enumerate(scored))
    return shares(stage_of(*rows), SPACE)


def test_shares_are_of_candidates_in_which_the_choice_is_active() -> None:
    # Block 0: kind a (size matters), block 1: kind c (nothing else matters).
    low = [((0, size, 0, 2, 0, 0), 0.1 + size / 100) for size in (0, 1, 2)]
    kinds = [((2, 0, 0, kind, 0, 0), 0.2 + kind / 100) for kind in (0, 1)]
    found = counted(*low, *kinds, ((0, 0, 0, 0, 0, 0), 0.9))
    assert found is not None
    assert (found.best, found.all) == (1, 6)
    assert found.kinds == ("kind", "size")
    rows = {name: dict(zip(found.kinds, row, strict=True)) for name, row in found.rows.items()}
    kind = {share.option: share for share in rows["block0"]["kind"]}
    assert (kind["a"].best, kind["a"].all) == (1, 4 / 6)
    assert (kind["c"].best, kind["c"].all) == (0, 2 / 6)
    size = {share.option: share for share in rows["block0"]["size"]}
    assert (size[1].best, size[1].all) == (1, 2 / 4)  # of the four in which it is active
    assert (size[4].best, size[4].all) == (0, 1 / 4)
    assert rows["block1"]["size"] == []  # the same wherever it is active


def test_a_choice_that_none_of_the_best_makes_has_no_shares() -> None:
    found = counted(((0, 0, 0, 2, 0, 0), 0.1), ((0, 1, 0, 2, 0, 0), 0.2), ((2, 0, 0, 2, 0, 0), 0.9))
    assert found is not None
    assert found.kinds == ("kind", "size")
    assert found.rows["block0"][1] == []


def test_candidates_that_are_alike_have_nothing_to_win() -> None:
    assert counted(((2, 0, 0, 2, 0, 0), 0.1), ((2, 0, 0, 2, 0, 0), 0.2)) is None


def test_a_tenth_is_the_best() -> None:
    every = [(SPACE.canonical((k, s, 0, j, t, 0)), k + s / 10) for k in (0, 1) for s in (0, 1, 2)
             for j in (0, 1) for t in (0, 1, 2)]  # fmt: skip
    found = counted(*every)
    assert found is not None
    assert (found.all, found.best) == (36, 4)
    for row in found.rows.values():
        for cell in row:
            assert abs(sum(share.best for share in cell) - 1) < 1e-9
            assert abs(sum(share.all for share in cell) - 1) < 1e-9
