"""What was spent adds up."""

from __future__ import annotations

import pytest

from evo_nas.results.page.spending import spending
from evo_nas.training.batches import Ledger
from tests.kit.finished import made


def test_phases_and_their_sums() -> None:
    images = {("stage1", "training"): Ledger(100, 0), ("stage1", "search"): Ledger(0, 50)}
    found = spending(made(images=images))
    assert found.columns[-2:] == (">images, forward and backward", ">forward only")
    assert found.rows == [
        ("stage1 search", "30 s", "25%", "0", "50"),
        ("stage1 finalists", "1 min 30 s", "75%", "0", "0"),
        ("stage1 training", "0.0 s", "0%", "100", "0"),
    ]
    assert found.foot == [("in all", "2 min 00 s", "", "100", "50")]


@pytest.mark.parametrize("spent", [{}, {("stage1", "search"): 0.0}])
def test_nothing_has_been_spent(spent: dict[tuple[str, str], float]) -> None:
    found = spending(made(spent=spent))
    assert found.foot == [("in all", "0.0 s", "")]
    assert all(share == "0%" for _, _, share in found.rows)
