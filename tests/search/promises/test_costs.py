"""What matters is counted whole: one that breaks a limit has failed, and the next is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from torch import nn

from evo_nas import api
from evo_nas.results.result import Result, load_result
from evo_nas.sampling.limits import Limit
from evo_nas.search.promises.costs import TrueCosts
from evo_nas.space.costs import verification
from evo_nas.space.space import Costs, Genome, Geometry
from evo_nas.strategies.base import Scored
from tests.kit.plugins import Costing, Score, Tiny

HERE = str(Path(__file__))
LIMIT = Limit("flops", high=400)


class Hidden(Tiny):
    """Networks of which the best by score cost more than their slots: by ``more`` FLOPs."""

    more = 1000

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        if geometry != self.target:
            return super().build(genome, geometry)
        costs = self.costs(genome)
        extra = self.more if genome[6] == 2 else 0
        return Costing({**costs, "flops": costs["flops"] + extra}, geometry.classes)


class Slightly(Hidden):
    more = 1


class Likes(Score):
    """Likes best what costs more than it says."""

    needs_data = False

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        score = super().evaluate(genome)
        return {**score, "accuracy": score["accuracy"] + self.space.lift(genome)[6]}


@pytest.fixture
def unplanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is noticed before the run: what three slots do together may be missed."""
    monkeypatch.setattr(verification, "representative", lambda space: iter([(0, 0, 0) * 3]))


def run(folder: Path, space: str) -> Result:
    return api.run(
        f"{HERE}:{space}", "400", strategy="spos", evaluator=f"{HERE}:Likes", samples=24,
        retrainer=f"{HERE}:Likes", population=8, parents=4, finalists=3, jobs=1, run_dir=folder,
    )  # fmt: skip


@pytest.mark.usefixtures("unplanned")
def test_no_network_is_delivered_that_breaks_a_limit_by_its_true_count(tmp_path: Path) -> None:
    result = run(tmp_path / "run", "Hidden")
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    assert best["target"]["flops"] <= 400
    assert best["genome"][6] != 2
    failed = [each for each in result.evaluations if each.failure]
    assert failed
    for each in failed:
        told = Hidden().costs(each.genome)["flops"]
        assert each.flops == told + 1000
        assert each.failure == (
            f"its whole network has {told + 1000:,} flops, which breaks flops<=400; its space says "
            f"{told}"
        )
    finalists = [each for each in result.evaluations if each.phase == "finalists"]
    assert [each.failure for each in finalists].count(None) == 3
    for generation in range(3):
        found = [e for e in result.evaluations if (e.phase, e.generation) == ("search", generation)]
        passing = [e for e in found if e.failure is None]
        leading = max(passing, key=lambda each: each.metrics["accuracy"])
        assert leading.genome[6] != 2


@pytest.mark.usefixtures("unplanned")
def test_what_is_written_is_the_true_count(tmp_path: Path) -> None:
    result = run(tmp_path / "run", "Slightly")
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    genome = tuple(best["genome"])
    assert genome[6] == 2
    told = Slightly().costs(genome)["flops"]
    assert best["target"]["flops"] == told + 1
    assert result.architecture.flops == told + 1
    for number in range(1, 4):
        finalist = json.loads((tmp_path / "run" / "finalists" / f"{number}.json").read_text())
        costs = Slightly().costs(tuple(finalist["genome"]))
        assert finalist["target"]["flops"] == costs["flops"] + (finalist["genome"][6] == 2)
    row = next(e for e in result.evaluations if e.phase == "finalists" and e.genome == genome)
    assert row.flops == told + 1
    notes = result.notes["stage1 finalists"]
    assert f"has {told + 1} flops and not {told}, as its space says" in notes[0]


@pytest.mark.usefixtures("unplanned")
def test_a_run_that_is_made_anew_from_its_records_ends_alike(tmp_path: Path) -> None:
    before = run(tmp_path / "run", "Hidden")
    best = (tmp_path / "run" / "best.json").read_bytes()
    (tmp_path / "run" / "best.json").unlink()
    api.resume(tmp_path / "run")
    assert (tmp_path / "run" / "best.json").read_bytes() == best
    assert load_result(tmp_path / "run").evaluations == before.evaluations


class Table(Tiny):
    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        raise NotImplementedError


def test_the_next_ones_take_the_place_of_those_that_break_a_limit() -> None:
    space = Hidden()
    good, bad = [(2, 0, 0, 2, 0, 0, 0, i, 0) for i in range(3)], (2, 0, 0, 2, 0, 0, 2, 0, 0)
    costs = TrueCosts(space, (LIMIT,))
    one, two, three, broken = (Scored(genome, 1) for genome in [*good, bad])
    assert costs.with_next([one, two], [one, two, three], space) == [one, two]
    assert costs.with_next([broken, one], [broken, one, two, three], space) == [broken, one, two]
    assert costs.with_next([broken], [broken], space) == [broken]
    assert TrueCosts(space, ()).broken(bad) is None
    told: Costs = space.costs(bad)
    assert costs.note(bad) == (
        f"the network of {bad} has {told['flops'] + 1000:,} flops and not {told['flops']}, as its "
        "space says"
    )
    assert TrueCosts(Table(), (LIMIT,)).of(bad) == told
