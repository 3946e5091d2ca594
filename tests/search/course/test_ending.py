"""What ends the search of a stage early: exactly then, told, and the same after any stop."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import evo_nas
from evo_nas import api
from evo_nas.cli.app import app
from evo_nas.errors import EvaluatorError, EvoNasError, SettingsError
from evo_nas.results.result import Result
from evo_nas.sampling.limits import Limit
from evo_nas.search.course.clock import Clock
from evo_nas.search.course.ending import StageEnd
from evo_nas.search.course.rules import Rules
from evo_nas.search.store.store import Store
from evo_nas.strategies.base import Scored, StagePlan
from tests.kit.plugins import Tiny
from tests.kit.runs import BUDGET, FLAT, SMALL, SPACE, Listener, outcome, run, stopped, told

ENDED = {"patience": {"patience": 1}, "until": {"until": "accuracy>=0.45"},
         "time": {"time": "30s", "samples": 40}}  # fmt: skip


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which every evaluation takes a second."""
    seconds = property(lambda self: float(len(self._store.evaluations())))
    monkeypatch.setattr(Clock, "elapsed", seconds)


def seen(result: Result, stage: str) -> list[list[float]]:
    """The scores of a stage's search, generation by generation."""
    scores: dict[int, list[float]] = {}
    for one in result.of(stage, "search"):
        scores.setdefault(one.generation, []).append(one.metrics["accuracy"])
    return [scores[number] for number in sorted(scores)]


@pytest.mark.parametrize("strategy", ["hierarchical", "regularized?population=8&batch=4", "spos"])
def test_patience_ends_a_stage_once_nothing_was_better_for_so_long(
    strategy: str, tmp_path: Path
) -> None:
    result = run(tmp_path / "run", patience=2, samples=60, strategy=strategy)
    for stage in result.stages:
        best = [max(scores) for scores in seen(result, stage)]
        improved = [i for i, score in enumerate(best) if score > max(best[:i], default=-1)]
        ending = result.ending(stage)
        assert ending is not None
        assert ending.candidates == len(result.of(stage, "search"))
        if ending.why == "patience":
            assert len(best) - 1 - improved[-1] == 2
            assert ending.generation == len(best) - 1
        else:
            assert ending.why in ("samples", "space")
        gaps = [b - a for a, b in pairwise(improved)]
        assert max(gaps, default=0) <= 2  # it had not ended before
        assert len(result.of(stage, "finalists")) == 3
    assert result.best is not None
    assert "patience" in {ending.why for ending in result.facts["endings"].values()}


def test_a_goal_ends_a_stage_with_the_generation_that_meets_it(tmp_path: Path) -> None:
    result = run(tmp_path / "run", until="accuracy>=0.45", strategy="spos", samples=60)
    *before, last = (max(scores) for scores in seen(result, "stage1"))
    assert last >= 0.45 > max(before, default=0)
    ending = result.ending("stage1")
    assert ending is not None
    assert (ending.why, ending.generation) == ("until", len(before))


def test_time_ends_stages_after_equal_parts_amid_a_generation(tmp_path: Path) -> None:
    result = run(tmp_path / "run", **ENDED["time"])
    # Half of 30 evaluations; then those of finalists take time, too.
    assert [len(result.of(stage, "search")) for stage in result.stages] == [15, 30 - 15 - 3]
    endings = [result.ending(stage) for stage in result.stages]
    assert [(e.why, e.generation, e.candidates, e.of) for e in endings if e] == [
        ("time", 1, 15, 40), ("time", 1, 12, 40)
    ]  # fmt: skip
    assert [len(result.of(stage, "finalists")) for stage in result.stages] == [3, 3]


def test_as_many_are_scored_as_there_are_finalists_whatever_time_is_left(tmp_path: Path) -> None:
    result = run(tmp_path / "run", time="1s", strategy="spos")
    assert len(result.of("stage1", "search")) == 3


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["hierarchical", *FLAT])
@pytest.mark.parametrize("rule", ENDED)
def test_a_run_stopped_after_any_evaluation_ends_as_one_that_was_not(
    rule: str, strategy: str, tmp_path: Path
) -> None:
    given = ENDED[rule] | {"strategy": strategy}
    whole = run(tmp_path / "whole", **given)
    first = list(ENDED).index(rule)  # of hierarchical ones each place is the stop of one rule
    step = len(ENDED) if strategy == "hierarchical" else 7
    for number in range(first, len(whole.evaluations), step):
        folder = tmp_path / f"{number}"
        stopped(number, run, folder, **given)
        resumed = api.resume(folder)
        assert outcome(resumed)[0] == outcome(whole)[0]
        assert outcome(resumed)[1:] == outcome(whole)[1:]
        assert resumed.facts["endings"] == whole.facts["endings"]


def test_what_time_has_ended_stays_so_in_a_faster_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole", **ENDED["time"])
    stopped(16, run, tmp_path / "run", **ENDED["time"])  # the second finalist of the first stage
    monkeypatch.setattr(Clock, "elapsed", 0.0)
    resumed = api.resume(tmp_path / "run")
    first = [row for row in told(whole) if row[0] == "stage1"]
    assert told(resumed)[: len(first)] == first
    assert resumed.ending("stage1") == whole.ending("stage1")
    assert [ending.why for ending in resumed.facts["endings"].values()] == ["time", "samples"]


def test_the_clock_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    store = Store.create(tmp_path / "run.sqlite", Tiny(blocks=2))
    store.set_fact("clock", 100.0)
    clock = Clock(store)
    assert 100 <= clock.elapsed < 110
    clock.keep()
    assert 100 <= (before := store.fact("clock")) < 110
    later = Clock(store)
    later._kept -= 2  # as if two seconds had passed
    later.advance(1)
    assert store.fact("clock") > before


def test_a_front_counts_where_several_values_are_sought(tmp_path: Path) -> None:
    class Both(evo_nas.strategies.Strategy):  # type: ignore[misc]
        def ask(self, rng: Any) -> Any:
            return []

        def tell(self, scored: Any) -> None:
            pass

        def aims(self, scored: Scored) -> tuple[float, ...]:
            return scored.metrics["accuracy"], -scored.flops

    store = Store.create(tmp_path / "run.sqlite", Tiny(blocks=2))
    end = StageEnd(Rules(patience=1), StagePlan("stage1", None, 100, 3), Both(), store)
    space = Tiny(blocks=2)

    def after(generation: int, *points: tuple[float, int]) -> object:
        told = [Scored((0,) * 6, flops, {"accuracy": score}) for score, flops in points]
        return end.after(generation, told, len(told), told[0], space)

    assert after(0, (0.5, 100)) is None
    assert after(1, (0.4, 50)) is None  # cheaper
    assert after(2, (0.45, 60), (0.3, 40)) is None  # between, and cheaper still
    assert after(3, (0.45, 60), (0.4, 55)) == "patience"  # known, and worse than (0.4, 50)


def test_what_the_best_has_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match="until: no candidate has 'acuracy', of which there"):
        run(tmp_path / "run", until="acuracy>=0.8")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"time": "2"}, "time is '2'; give a time with units"),
        ({"time": -1}, "time is '-1.0s'"),
        ({"time": True}, "time is True"),
        ({"patience": 0}, "patience is 0; it must be at least 1"),
        ({"until": "accuracy"}, "until: limit 'accuracy' is malformed"),
        ({"until": 0.8}, "until is 0.8; give a text"),
    ],
)
def test_what_is_malformed_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        api.prepare(SPACE, BUDGET, **SMALL, **given)


def test_it_is_told_wherever_one_looks(tmp_path: Path) -> None:
    listener = Listener()
    result = run(tmp_path / "run", patience=1, strategy="spos", samples=60, progress=listener)
    ending = result.ending("stage1")
    assert ending is not None
    said = (f"ended after generation {ending.generation + 1}, {ending.candidates} of 60 "
            "candidates: nothing better in 1 generation")  # fmt: skip
    assert f"stage1: {said}" in listener.heard
    shown = CliRunner().invoke(app, ["show", str(result.folder)], env={"COLUMNS": "200"}).stdout
    assert said in shown
    document = json.loads(CliRunner().invoke(app, ["show", str(result.folder), "--json"]).stdout)
    assert document["stages"]["stage1"]["ended"] == asdict(ending)
    page = (result.folder / "report.html").read_text()
    assert said in page
    assert "--patience 1" in page  # to repeat it
    assert tomllib.loads((result.folder / "config.toml").read_text())["patience"] == 1


def test_the_plan_tells_what_may_end_searches() -> None:
    from evo_nas.results.outlook.plan import _early_ends

    given = {"time": "2h", "patience": 3, "until": "accuracy>=0.8"}
    ((_, told),) = _early_ends(api.prepare(SPACE, BUDGET, **SMALL, **given))
    assert told == (
        "stage1 after 1 h 00 min, stage2 after 2 h 00 min of the run; finalists and the final test "
        "come then; after 3 generations without a better candidate; when the best has accuracy>=0.8"
    )
    assert not _early_ends(api.prepare(SPACE, BUDGET, **SMALL))
    ((_, told),) = _early_ends(api.prepare(SPACE, BUDGET, **SMALL, strategy="random", patience=3))
    assert told == "no candidate is scored, so nothing does"


def test_at_equal_cost_no_search_ends_early() -> None:
    with pytest.raises(EvoNasError, match="patience is 2; at equal cost every search"):
        evo_nas.compare("spos,random", patience=2, space=SPACE, flops=BUDGET, **SMALL)


def test_scores_that_no_processes_decide_end_the_same(tmp_path: Path) -> None:
    one, two = (
        run(tmp_path / str(jobs), patience=1, jobs=jobs, strategy="spos", samples=60)
        for jobs in (1, 2)
    )
    assert told(one) == told(two)


def test_a_goal_is_read_as_limits_are() -> None:
    assert Rules.read("1h", 3, "params<=6M") == Rules(3600, 3, Limit("params", high=6e6))
