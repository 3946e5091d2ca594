"""Finalists by halving: survivors are what plain training gives; all is told and counted."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.errors import EvaluatorError, SettingsError
from evo_nas.results.result import Result
from evo_nas.search.store.rungs import last_measured
from evo_nas.search.upkeep import clean
from evo_nas.space.space import Genome
from evo_nas.training.ledger import Ledger
from tests.kit.plugins import Score
from tests.kit.runs import BUDGET, SMALL, SPACE, outcome, run, stopped, told

TRAINED = {"retrainer": "train", "finalist_epochs": 4, "finalists": 5, "jobs": 1,
           "strategy": "random_search"}  # fmt: skip
RUNGS = [(1, 5), (2, 3), (4, 2)]  # epochs, and how many are trained until then


class Rising(Score):
    """A training of which a network's score rises by its own rate; some ``fail`` after epochs."""

    pauses = True

    def __init__(self, fail: str = "") -> None:
        super().__init__()
        self.fail = fail  # "4" all on the way to epoch 4, "2:3" of those to 2 every third

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        return self.evaluate_part(genome, 0, self.context.epochs)

    def evaluate_part(self, genome: Genome, begin: int, end: int) -> Mapping[str, float]:
        at, _, every = self.fail.partition(":")
        mended = "EVO_NAS_TEST_MENDED" in os.environ
        if at == str(end) and not mended and sum(self.space.lift(genome)) % int(every or 1) == 0:
            raise RuntimeError("out of luck")
        self.context.ledger.add(Ledger(100 * (end - begin), 10))
        score = super().evaluate(genome)["accuracy"]
        return {"accuracy": score * end / self.context.epochs}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("plain") / "run", halving=1, **TRAINED)


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("halved") / "run", halving=2, **TRAINED)


def judged(result: Result) -> dict[Genome, dict[str, float]]:
    """The finalists that came to the end, without the number of their epochs."""
    metrics = {e.genome: dict(e.metrics) for e in last_measured(result.of("stage1", "finalists"))}
    return {genome: {k: v for k, v in m.items() if k != "epochs"} for genome, m in metrics.items()}


def rungs(result: Result) -> list[tuple[float, int]]:
    by_end: dict[float, int] = {}
    for evaluation in result.of("stage1", "finalists"):
        end = evaluation.metrics["epochs"]
        by_end[end] = by_end.get(end, 0) + 1
    return list(by_end.items())


def test_survivors_are_to_the_last_bit_what_plain_training_gives(
    plain: Result, halved: Result
) -> None:
    whole, survivors = judged(plain), judged(halved)
    assert len(survivors) == 2
    assert survivors.items() <= whole.items()
    weights = [
        {path.name: path.read_bytes() for path in result.folder.rglob("finalists/*.safetensors")}
        for result in (plain, halved)
    ]
    assert weights[1].items() <= weights[0].items()
    assert len(weights[1]) == 2


def test_each_rung_goes_on_with_the_best_of_the_one_before(halved: Result) -> None:
    assert rungs(halved) == RUNGS
    finalists = halved.of("stage1", "finalists")
    for generation, (_, width) in enumerate(RUNGS[1:]):
        before = [e for e in finalists if e.generation == generation]
        best = sorted(before, key=lambda e: (-e.metrics["accuracy"], e.metrics["loss"]))[:width]
        after = [e.genome for e in finalists if e.generation == generation + 1]
        assert after == [e.genome for e in best]


def test_epochs_are_counted_once_each(plain: Result, halved: Result) -> None:
    epoch = 64  # of 100 images, in batches of 64
    place = ("stage1", "finalists")
    assert plain.images[place] == Ledger(5 * 4 * epoch, 5 * 50)
    trained = 5 * 1 + 3 * (2 - 1) + 2 * (4 - 2)
    assert halved.images[place] == Ledger(trained * epoch, (5 + 3 + 2) * 50)


def test_best_json_tells_who_went_on_and_never_mixes_rungs(halved: Result) -> None:
    assert halved.best is not None
    measured = halved.best["measured"]
    told_rungs = measured["rungs"]
    assert [(r["epochs"], r["trained"], r["failed"]) for r in told_rungs] == [
        (end, width, 0) for end, width in RUNGS
    ]
    survivors = sorted(judged(halved))
    assert sorted(map(tuple, told_rungs[1]["went_on"])) == survivors
    assert len(told_rungs[0]["went_on"]) == 3
    assert told_rungs[2]["went_on"] == []
    assert "validation_epochs" not in measured
    accuracies = sorted((m["accuracy"] for m in judged(halved).values()), reverse=True)
    assert measured["validation_accuracy"] == accuracies[0]
    assert measured["second_accuracy"] == accuracies[1]
    files = sorted(p.name for p in (halved.folder / "finalists").iterdir())
    assert files == ["1.json", "2.json"]


def test_the_page_and_the_result_rank_survivors_first(halved: Result) -> None:
    stage = halved.stage()
    assert [f.epochs for f in stage.finalists] == [4, 4, 2, 1, 1]
    assert {f.evaluation.genome for f in stage.finalists[:2]} == set(judged(halved))
    assert stage.front <= set(judged(halved))
    assert stage.halving is not None
    assert stage.halving.columns == ("finalist", ">1 epoch", ">2 epochs", ">4 epochs")
    assert stage.halving.rows[-1][2:] == ("-", "-")
    assert list(stage.halving.foot) == [("trained", "5", "3", "2")]
    page = (halved.folder / "report.html").read_text()
    assert "rung by rung" in page
    assert ">4 epochs<" in page


@pytest.mark.slow
@pytest.mark.parametrize("evaluations", [24 + 2, 24 + 5, 24 + 7, 24 + 9])
def test_a_run_that_was_stopped_in_any_rung_goes_on_to_the_same_end(
    tmp_path: Path, halved: Result, evaluations: int
) -> None:
    stopped(evaluations, run, tmp_path / "run", halving=2, **TRAINED)
    resumed = evo_nas.resume(tmp_path / "run")
    assert outcome(resumed) == outcome(halved)
    assert resumed.images == halved.images


def test_a_training_that_was_killed_amid_a_rung_goes_on_bit_for_bit(
    tmp_path: Path, halved: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evo_nas.training import loop

    saved, real = 0, loop.save_checkpoint

    class Killed(BaseException):
        pass

    def save(path: Path, state: Mapping[str, Any]) -> None:
        nonlocal saved
        real(path, state)
        saved += 1
        if saved == 9:  # 5 in the first rung, 3 in the second; of the last, the first of 2 epochs
            raise Killed

    monkeypatch.setattr(loop, "save_checkpoint", save)
    with pytest.raises(Killed):
        run(tmp_path / "run", halving=2, **TRAINED)
    resumed = evo_nas.resume(tmp_path / "run")
    assert saved == 5 + 3 + 2 * 2
    assert outcome(resumed) == outcome(halved)
    assert resumed.images == halved.images


@pytest.mark.slow
def test_worker_processes_change_nothing(tmp_path: Path, halved: Result) -> None:
    assert outcome(run(tmp_path / "run", **{**TRAINED, "halving": 2, "jobs": 2})) == outcome(halved)


@pytest.mark.slow
def test_lost_weights_of_the_best_are_made_again(tmp_path: Path, halved: Result) -> None:
    result = run(tmp_path / "run", halving=2, **TRAINED)
    clean(result.folder)
    for name in ("best.json", "best.safetensors"):
        (result.folder / name).unlink()
    again = evo_nas.resume(result.folder)
    assert outcome(again) == outcome(halved)
    assert not [line for lines in again.notes.values() for line in lines if "lost" in line]


@pytest.mark.slow
def test_one_in_one_is_plain(tmp_path: Path, plain: Result) -> None:
    assert outcome(run(tmp_path / "run", halving=1, **TRAINED)) == outcome(plain)


def test_who_fails_in_a_rung_is_recorded_and_the_next_goes_on_in_its_place(tmp_path: Path) -> None:
    given = {**TRAINED, "finalists": 8, "retrainer": f"{__name__}:Rising?fail=2:3"}
    result = run(tmp_path / "run", halving=2, **given)
    finalists = result.of("stage1", "finalists")
    failed = [e for e in finalists if e.failure is not None]
    assert failed
    assert all(e.generation > 0 and "out of luck" in str(e.failure) for e in failed)
    assert result.best is not None
    first, second, last = result.best["measured"]["rungs"]
    assert (first["trained"], first["epochs"]) == (8, 1)
    assert second["trained"] == 4 + len(failed)  # as many came to its end as were to
    assert second["failed"] == len(failed)
    assert (last["trained"], len(second["went_on"])) == (2, 2)
    assert {e.genome for e in failed}.isdisjoint(judged(result))
    foot = result.stage().halving
    assert foot is not None
    assert [row[0] for row in foot.foot] == ["trained", "failed"]


@pytest.mark.slow
def test_what_followed_from_a_failure_in_a_rung_is_forgotten_when_it_is_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**TRAINED, "finalists": 8, "retrainer": f"{__name__}:Rising?fail=2:3"}
    result = run(tmp_path / "run", halving=2, **given)
    assert result.failed("stage1", "finalists")
    monkeypatch.setenv("EVO_NAS_TEST_MENDED", "1")
    whole = run(tmp_path / "whole", halving=2, **given)
    again = evo_nas.resume(result.folder, retry_failed=True)
    assert told(again) == told(whole)
    assert again.best == whole.best


@pytest.mark.parametrize(
    ("changes", "halving"),
    [
        ({}, 2),
        ({"halving": 1}, 1),
        ({"halving": 3}, 3),
        ({"finalist_epochs": 1}, 1),  # there is nothing to spare
        ({"retrainer": "tests.kit.plugins:Keep", "finalist_epochs": None}, 1),  # nor can it pause
        ({"recipe": "quick"}, 1),
    ],
)
def test_the_recipe_says_how_many_go_on_where_nobody_else_does(
    tmp_path: Path, changes: Mapping[str, Any], halving: int
) -> None:
    recipe = tmp_path / "halved.toml"
    quick = resources.files("evo_nas.training.recipes") / "quick.toml"
    recipe.write_text(quick.read_text().replace("halving = 1", "halving = 2"))
    given = {**SMALL, **TRAINED, "recipe": str(recipe), **changes}
    prepared = evo_nas.prepare(SPACE, BUDGET, **given)
    assert prepared.config.settings.halving == halving


def test_where_all_fail_in_a_rung_the_run_says_so(tmp_path: Path) -> None:
    given = {**TRAINED, "retrainer": f"{__name__}:Rising?fail=4"}
    said = re.escape("3 of 11 candidates failed, so there is nothing to go on with; the last one")
    with pytest.raises(EvaluatorError, match=said):
        run(tmp_path / "run", halving=2, **given)


def test_what_cannot_be_halved_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"retrainer .*:Keep cannot pause a training; choose"):
        run(tmp_path / "run", halving=2, retrainer="tests.kit.plugins:Keep")
    with pytest.raises(SettingsError, match=r"a finalist is trained for 4: .* of 5 or more"):
        run(tmp_path / "run", halving=5, **TRAINED)
    with pytest.raises(SettingsError, match="halving is 0; it must be at least 1"):
        run(tmp_path / "run", halving=0, **TRAINED)
    assert not (tmp_path / "run").exists()


def test_a_page_of_an_unfinished_run_tells_the_rungs_so_far(tmp_path: Path) -> None:
    stopped(24 + 7, run, tmp_path / "run", halving=2, **TRAINED)
    result = evo_nas.load_result(tmp_path / "run")
    table = result.stage().halving
    assert table is not None
    assert list(table.foot) == [("trained", "5", "2")]
    assert [f.epochs for f in result.stage().finalists] == [2, 2, 1, 1, 1]
    assert result.best is None
