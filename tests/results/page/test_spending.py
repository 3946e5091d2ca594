"""What was spent adds up."""

from __future__ import annotations

import pytest

from evo_nas.results.page.spending import spending
from evo_nas.training.batches import Ledger
from tests.kit.finished import made


def test_phases_and_their_sums() -> None:
    images = {("stage1", "training"): Ledger(100, 0), ("stage1", "search"): Ledger(0, 50)}
    found = spending(made(images=images))
    assert [(p.stage, p.phase) for p in found.phases] == [
        ("stage1", "search"), ("stage1", "finalists"), ("stage1", "training"),
    ]  # fmt: skip
    assert found.seconds == 120
    assert [p.share for p in found.phases] == [0.25, 0.75, 0]
    assert found.images == Ledger(100, 50)
    assert found.phases[0].images == Ledger(0, 50)


@pytest.mark.parametrize("spent", [{}, {("stage1", "search"): 0.0}])
def test_nothing_has_been_spent(spent: dict[tuple[str, str], float]) -> None:
    found = spending(made(spent=spent))
    assert found.seconds == 0
    assert all(phase.share == 0 for phase in found.phases)
