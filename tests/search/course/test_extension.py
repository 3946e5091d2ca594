"""A run that is made longer is the run that it would have been, had it been given all at first."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evo_nas import api
from evo_nas.cli.app import app
from evo_nas.errors import EvoNasError, RunError, SettingsError
from evo_nas.results.result import Result, load_result
from evo_nas.search.course import extension
from evo_nas.search.store.earlier import set_aside
from evo_nas.search.store.store import Store
from evo_nas.strategies.base import Proposal
from evo_nas.strategies.evolution import Spos
from tests.kit.finished import SPACE, evaluation, genome
from tests.kit.plugins import Keep, Score
from tests.kit.runs import (
    FLAT,
    Interruption,
    Listener,
    compared,
    edit,
    outcome,
    run,
    stopped,
    told,
)

SEARCHING = ["hierarchical", *(name for name in FLAT if name not in ("random", "largest"))]


class Annealing(Spos):
    """A strategy that goes by how many candidates are left."""

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        for _ in range(self.left % 7):
            rng.random()
        return super().ask(rng)


def same(longer: Result, whole: Result) -> None:
    """All but what was set aside is as in a whole run."""
    kept = [row for row in told(longer) if not str(row[1]).startswith("earlier")]
    assert kept == told(whole)
    assert outcome(longer)[1:] == outcome(whole)[1:]
    assert longer.facts["endings"] == whole.facts["endings"]


@pytest.mark.slow
@pytest.mark.parametrize("first", [16, 21])  # whole generations, and one that was cut off
@pytest.mark.parametrize("strategy", SEARCHING)
def test_it_equals_one_that_had_all_from_the_start(
    strategy: str, first: int, tmp_path: Path
) -> None:
    run(tmp_path / "run", strategy=strategy, samples=first)
    longer = api.resume(tmp_path / "run", samples=40)
    same(longer, run(tmp_path / "whole", strategy=strategy, samples=40))


def test_it_goes_on_from_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = run(tmp_path / "run", strategy="spos", samples=16)
    asked: list[Any] = []
    evaluate: Callable[..., Any] = Score.evaluate

    def ask(evaluator: Score, genome: Any) -> Any:
        asked.append((type(evaluator), genome))
        return evaluate(evaluator, genome)

    monkeypatch.setattr(Score, "evaluate", ask)
    longer = api.resume(tmp_path / "run", samples=24)
    before = {e.genome for e in short.evaluations if e.phase == "search"}
    judged = {e.genome for e in short.evaluations if e.phase == "finalists"}
    searched = {genome for kind, genome in asked if kind is Score}
    assert len(searched) == 8
    assert not searched & before
    assert not {genome for kind, genome in asked if kind is Keep} & judged
    now = {e.genome for e in longer.of("stage1", "finalists")}
    assert {e.genome for e in longer.of("stage1", "earlier finalists")} == judged - now
    assert longer.notes["run"] == [
        "made longer (samples 16, then 24): the test split is read once more"
    ]
    kept = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert (kept["settings"]["samples"], kept["history"]) == (24, ["samples 16, then 24"])
    again = CliRunner().invoke(app, ["resume", str(tmp_path / "run"), "--samples", "24"])
    assert again.exit_code == 0  # nothing is left to do
    assert api.resume(tmp_path / "run", samples=24).evaluations == longer.evaluations


def test_a_stage_whose_beginning_changes_begins_anew(tmp_path: Path) -> None:
    listener = Listener()
    short = run(tmp_path / "run", samples=8, population=4, seed=5)
    longer = api.resume(tmp_path / "run", listener, samples=40)
    whole = run(tmp_path / "whole", samples=40, population=4, seed=5)
    decided = [r.of("stage2", "search")[0].genome[0::3] for r in (short, longer)]
    assert decided[0] != decided[1]  # else this tests nothing
    assert any(line.startswith("stage2: what it searches has changed") for line in listener.heard)
    assert len(longer.of("stage2", "earlier search")) == len(short.of("stage2", "search"))
    same(longer, whole)


def test_more_of_what_ended_a_search_lets_it_go_on(tmp_path: Path) -> None:
    given = {"strategy": "spos", "samples": 60}
    first = run(tmp_path / "run", patience=1, until="accuracy>=0.4", **given)
    longer = api.resume(tmp_path / "run", patience=3, until="accuracy>=0.99")
    assert len(longer.of("stage1", "search")) > len(first.of("stage1", "search"))
    same(longer, run(tmp_path / "whole", patience=3, until="accuracy>=0.99", **given))
    assert longer.config.history == (
        "patience 1, then 3", "until accuracy>=0.4, then accuracy>=0.99"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"samples": 8}, "samples is 8, and the run was given 16: it can only be made longer"),
        ({"samples": 0}, "samples is 0"),
        ({"time": "30m"}, "time is 30m, and the run was given 1h"),
        ({"time": "half"}, "time is 'half'; give a time with units"),
        ({"patience": 3}, "patience is 3; the run has none, so it would be shorter"),
        ({"until": "accuracy>=0.8"}, "until is accuracy>=0.8, and the run was given accuracy>=0.9"),
        ({"until": "loss<=0.8"}, "until is loss<=0.8, and the run was given"),
    ],
)
def test_what_would_make_it_shorter_is_refused_and_changes_nothing(
    more: dict[str, Any], said: str, finished: Path
) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    with pytest.raises(SettingsError, match=said):
        api.resume(finished, **more)
    after = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    assert {path.name for path in before if before[path] != after.get(path)} <= {"run.lock"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    run(folder, strategy="spos", samples=16, time="1h", until="accuracy>=0.9")
    return folder


def test_a_strategy_that_goes_by_what_is_left_is_refused_and_nothing_changed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    was = run(folder, strategy=f"{__name__}:Annealing", samples=24)
    with pytest.raises(
        SettingsError, match="proposes other candidates from generation 1 of stage1"
    ):
        api.resume(folder, samples=30)
    assert outcome(load_result(folder)) == outcome(was)
    assert load_result(folder).config.settings.samples == 24


def test_a_comparison_has_no_more(tmp_path: Path) -> None:
    compared(tmp_path / "c", "random", seeds=1, protocol="paper")
    told = CliRunner().invoke(app, ["resume", str(tmp_path / "c"), "--samples", "99"])
    assert isinstance(told.exception, RunError)
    assert "is a comparison; it has no more samples than it was given" in str(told.exception)


def test_an_edited_configuration_is_still_noticed(tmp_path: Path) -> None:
    run(tmp_path / "run", strategy="spos", samples=16)
    edit(tmp_path / "run", "seed = 0", "seed = 1")
    with pytest.raises(EvoNasError, match="not what it was when the run began"):
        api.resume(tmp_path / "run", samples=24)


@pytest.mark.slow
def test_it_ends_the_same_wherever_it_is_stopped(tmp_path: Path) -> None:
    given = {"samples": 8, "population": 4, "seed": 5}
    whole = run(tmp_path / "whole", **{**given, "samples": 16})
    begun = run(tmp_path / "run", **given)
    for number in range(60):
        folder = shutil.copytree(begun.folder, tmp_path / f"{number}")
        try:
            stopped(number, api.resume, folder, samples=16)
        except pytest.fail.Exception:
            break  # it came to its end before
        same(api.resume(folder), whole)
    assert number > 10


@pytest.mark.parametrize("place", ["rmtree", "set_aside", "write_atomically"])
def test_a_kill_amid_the_change_leaves_one_run_or_the_other(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, given = tmp_path / "run", {"strategy": "spos"}
    run(folder, samples=16, **given)

    def kill(*_: Any, **__: Any) -> None:
        raise Interruption

    with monkeypatch.context() as patch:
        owner = extension.shutil if place == "rmtree" else extension
        patch.setattr(owner, place, kill)
        with pytest.raises(Interruption):
            api.resume(folder, samples=24)
    resumed = api.resume(folder)
    changed = place == "write_atomically"  # the store had been changed
    assert resumed.config.settings.samples == (24 if changed else 16)
    same(api.resume(folder, samples=24), run(tmp_path / "whole", samples=24, **given))


def test_notes_go_with_an_evaluation(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run.sqlite", SPACE)
    one = evaluation(genome(1), 0.5, phase="finalists")
    store.add(one, SPACE, 0.5, ["a lower rate"])
    for _ in range(2):
        with store.changing({}):
            set_aside(store, "stage1", "finalists")
        store.add(one, SPACE, 0.5)
    assert store.notes() == {"stage1 earlier finalists": ["a lower rate"]}
    assert [e.generation for e in store.evaluations("stage1", "earlier finalists")] == [0, 1]
    store.close()
    Store(tmp_path / "run.sqlite").close()  # its checksums are right
