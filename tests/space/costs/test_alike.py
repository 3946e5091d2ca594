"""What is found out of spaces once in a process, and of whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from torch import nn

from evo_nas.space.costs.alike import found_of_alike, sharing
from evo_nas.space.costs.verification import verify_quickly
from evo_nas.space.space import Choice, Genome, Geometry
from tests.kit.plugins import Layered


class Counting(Layered):
    """Says how often a network is built."""

    def __init__(self, more: object = None) -> None:
        self.more = more

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        BUILT.append(tuple(genome))
        return super().build(genome, geometry)


BUILT: list[Genome] = []


@pytest.fixture
def _one_command() -> Iterator[None]:
    with sharing():
        yield


@pytest.mark.usefixtures("_one_command")
def test_one_that_is_alike_is_not_built_again() -> None:
    genome = (0,) * len(Counting.choices)
    costs = Counting(more=(1, "a")).costs(genome)
    agreement = verify_quickly(Counting(more=(1, "a")))
    BUILT.clear()
    other = Counting(more=(1, "a"))
    assert other.costs(genome) == costs
    assert verify_quickly(other) == agreement
    assert BUILT == []


@pytest.mark.usefixtures("_one_command")
def test_another_is() -> None:
    genome = (0,) * len(Counting.choices)
    Counting(more="b").costs(genome)
    for changed in ("c", np.zeros(2), np.ones(2), lambda: None, lambda: None):
        BUILT.clear()
        Counting(more=changed).costs(genome)
        assert BUILT
    BUILT.clear()
    Counting(more=np.ones(2)).costs(genome)
    assert not BUILT


def test_each_command_asks_anew() -> None:
    genome = (0,) * len(Counting.choices)

    def built() -> bool:
        BUILT.clear()
        Counting(more="one").costs(genome)
        return bool(BUILT)

    with sharing() as found:
        assert built()
        with sharing():
            assert not built()
    with sharing(found):
        assert not built()
    with sharing():
        assert built()
    assert built()


@pytest.mark.usefixtures("_one_command")
def test_what_is_changed_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Counting(more=[1])
    found_of_alike(kept)["known"] = True
    assert found_of_alike(Counting(more=[1])) == {"known": True}
    assert isinstance(kept.more, list)
    kept.more.append(2)
    assert found_of_alike(Counting(more=[1])) == {"known": True}
    assert found_of_alike(kept) == found_of_alike(Counting(more=[1, 2])) == {}
    monkeypatch.setattr(Counting, "choices", (Choice("a", (1, 2)),))
    assert found_of_alike(Counting(more=[1])) == {}
    monkeypatch.undo()
    monkeypatch.setattr(Counting, "build", lambda self, genome, geometry: nn.Identity())
    assert found_of_alike(Counting(more=[1])) == {}
    monkeypatch.undo()
    assert found_of_alike(Counting(more=[1])) == {"known": True}
