"""Whole runs on the small test space, with evaluators that do not train."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import evo_nas
from evo_nas.api import prepare
from evo_nas.cli.views.result import result_view
from evo_nas.errors import BudgetError, RunError, SettingsError
from evo_nas.results.result import Result, load_result
from evo_nas.sampling.feasible import feasible
from evo_nas.search import architectures as architecture_files
from evo_nas.search.config import Config
from evo_nas.search.store.store import Store
from evo_nas.space.architecture import read_architecture
from tests.kit.plugins import Score, Tiny
from tests.kit.runs import BUDGET, SMALL, SPACE, Listener, edit, outcome, run, stopped


def test_a_run_searches_both_levels_and_delivers_the_best_finalist(whole: Result) -> None:
    result = whole
    space = Tiny(4)
    assert result.stages == ("stage1", "stage2")
    assert [len(result.of(s, p)) for s in result.stages for p in ("search", "finalists")] == [
        24, 3, 24, 3,
    ]  # fmt: skip
    best = result.best
    assert best is not None
    genome = space.check(tuple(best["genome"]))
    assert 250 <= space.costs(genome)["flops"] <= 400
    assert best["target"]["flops"] == space.costs(genome)["flops"]
    finalists = result.of("stage2", "finalists")
    assert max(e.metrics["accuracy"] for e in finalists) == best["measured"]["validation_accuracy"]
    searched = sorted(e.metrics["accuracy"] for e in result.of("stage2", "search"))
    assert sorted(e.metrics["accuracy"] for e in finalists) == searched[-3:]
    assert 0 <= best["measured"]["test_accuracy"] <= 1
    assert best["choices"] == space.options(genome)
    content = json.loads((result.folder / "best.json").read_text())
    assert content["space"] == SPACE
    assert set(content) == {
        "format", "space", "genome", "choices", "target", "measured", "run", "sha256"
    }  # fmt: skip


def test_stage_2_starts_from_the_distribution_of_stage_1s_best_finalist(whole: Result) -> None:
    space = Tiny(4)
    winner = max(whole.of("stage1", "finalists"), key=lambda e: e.metrics["accuracy"])
    kinds = [i for i, choice in enumerate(space.choices) if choice.level == 0]
    for e in whole.of("stage2", "search"):
        assert [e.genome[i] for i in kinds] == [winner.genome[i] for i in kinds]


def test_stage_1_is_legal_by_completion_and_stage_2_by_its_own_cost(tmp_path: Path) -> None:
    result = run(tmp_path / "run", flops="390..400")
    space = Tiny(4)
    assert all(390 <= e.flops <= 400 for e in result.of("stage2", "search"))
    own = [e.flops for e in result.of("stage1", "search")]
    assert not all(390 <= flops <= 400 for flops in own)
    for e in result.of("stage1", "search"):
        legal = feasible(space.stage(1, e.genome), prepare(SPACE, "390..400", **SMALL).plan.budget)
        assert legal.count


def test_every_finalist_has_an_architecture_file(tmp_path: Path) -> None:
    result = run(tmp_path / "run", strategy="nsga2")
    files = sorted((tmp_path / "run" / "finalists").iterdir())
    assert [file.name for file in files] == ["1.json", "2.json", "3.json"]
    assert result.best is not None
    assert read_architecture(files[0]).genome == tuple(result.best["genome"])
    retrained = {e.genome: e for e in result.of("stage1", "finalists")}
    for file in files:
        document = json.loads(file.read_text())
        evaluation = retrained[tuple(document["genome"])]
        assert document["target"]["flops"] == evaluation.flops
        assert document["measured"]["validation_accuracy"] == evaluation.metrics["accuracy"]


@pytest.mark.parametrize(
    "place", ["tests.kit.plugins", str(Path(__file__).parents[1] / "kit" / "own.py")]
)
def test_somebodys_own_strategy_is_found_by_module_and_by_path(tmp_path: Path, place: str) -> None:
    result = run(tmp_path / "run", strategy=f"{place}:Cheapest")
    searched = sorted(e.flops for e in result.of("stage1", "search"))
    assert len(searched) == 24
    assert sorted(e.flops for e in result.of("stage1", "finalists")) == searched[:3]


@pytest.mark.parametrize("strategy", ["random", "largest"])
def test_where_no_score_decides_the_evaluator_is_not_even_opened(
    tmp_path: Path, strategy: str
) -> None:
    result = run(
        tmp_path / "run", strategy=strategy, evaluator="tests.kit.plugins:Score?fault=raises"
    )
    assert result.of("stage1", "search") == ()
    assert len(result.of("stage1", "finalists")) == (3 if strategy == "random" else 1)


@pytest.mark.slow
def test_finalists_start_from_the_shared_weights_and_resume_to_the_same_end(
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {
        "space": "glit_fixed", "flops": "1G..1.3G", "strategy": "spos", "evaluator": "supernet",
        "retrainer": None, "samples": 3, "population": 3, "parents": 2, "finalists": 2,
        "epochs": 1, "finalist_epochs": 1, "data": "digits?train=320&validation=60&test=60",
        "geometry": "proxy,width=24", "jobs": 1,
    }  # fmt: skip
    result = run(tmp_path / "whole", inherit=True, **options)
    scratch = run(tmp_path / "scratch", inherit=False, **options)
    inherited, alone = (r.of("stage1", "finalists") for r in (result, scratch))
    assert {e.genome for e in inherited} == {e.genome for e in alone}  # the same search
    losses = [min(e.metrics["loss"] for e in finalists) for finalists in (inherited, alone)]
    assert losses[0] < losses[1]  # two epochs and one, against one
    stopped(4, run, tmp_path / "stopped", inherit=True, **options)  # 3 candidates and a finalist
    assert outcome(evo_nas.resume(tmp_path / "stopped")) == outcome(result)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategy": "random", "evaluator": "supernet", "retrainer": None}, "scores no candidat"),
        ({"evaluator": "train", "retrainer": "train"}, "must share weights"),
        ({"evaluator": "supernet"}, "must train from them"),
    ],
)
def test_what_cannot_be_inherited_is_told_before_anything(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        run(tmp_path / "run", inherit=True, space="glit_hl", flops="1.4G", **changes)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "after",
    [
        0, 8, 24, 27, 53,
        *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 7, 9, 23, 25, 26, 28, 40, 51, 52)),
    ],
)  # fmt: skip
def test_a_run_stopped_after_any_evaluation_resumes_to_the_same_end(
    tmp_path: Path, whole: Result, after: int
) -> None:
    stopped(after, run, tmp_path / "run")
    assert outcome(evo_nas.resume(tmp_path / "run")) == outcome(whole)


def test_a_finished_run_is_just_read(whole: Result) -> None:
    before = {p: p.stat().st_mtime_ns for p in whole.folder.glob("best*")}
    assert outcome(evo_nas.resume(whole.folder)) == outcome(whole)
    assert {p: p.stat().st_mtime_ns for p in whole.folder.glob("best*")} == before


@pytest.fixture
def unfinished(finished: Path) -> Path:
    """A run that only lacks its end."""
    (finished / "best.json").unlink()
    return finished


def test_a_replay_that_proposes_something_else_is_noticed(unfinished: Path) -> None:
    edit(unfinished, "mutation_rate = 0.1", "mutation_rate = 0.9")
    store = Store(unfinished / "run.sqlite")
    store.set_fact("config", asdict(Config.read(unfinished / "config.toml")))
    store.close()
    with pytest.raises(RunError, match="another candidate at stage1, generation"):
        evo_nas.resume(unfinished)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("finalists = 3", "finalists = 2", r"config.toml is not what it was .* \(only data, fail"),
        ("train=100", "train=90", "are not those that"),
    ],
)
def test_a_changed_configuration_is_noticed(
    unfinished: Path, old: str, new: str, said: str
) -> None:
    edit(unfinished, old, new)
    with pytest.raises(RunError, match=said):
        evo_nas.resume(unfinished)


def test_what_changes_no_result_may_be_changed(unfinished: Path, whole: Result) -> None:
    edit(unfinished, "jobs = 1", "jobs = 2")
    assert outcome(evo_nas.resume(unfinished)) == outcome(whole)


def test_an_impossible_budget_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="nearest reachable"):
        run(tmp_path / "run", flops="1")
    assert list(tmp_path.iterdir()) == []


def test_the_space_may_be_smaller_than_the_candidates_asked_for(tmp_path: Path) -> None:
    listener = Listener()
    result = run(
        tmp_path / "run", space="tests.kit.plugins:Tiny?blocks=1", flops="1K", progress=listener
    )  # fmt: skip
    assert len(result.of("stage1", "search")) == 3
    assert any("space exhausted, all 3 " in message for message in listener.heard)


def test_everything_that_the_plan_resolves_is_in_the_config(tmp_path: Path) -> None:
    prepared = prepare(SPACE, BUDGET, run_dir=tmp_path / "run", epochs=7, threads=1, **SMALL)
    assert prepared.config.recipe.supernet.epochs == 7
    assert prepared.config.threads == 1
    assert (prepared.config.settings.crossover, prepared.config.settings.mutation) == (4, 4)
    assert not (tmp_path / "run").exists()
    assert prepared.plan.stages[0].feasible is not None
    assert prepared.plan.stages[1].smallest <= prepared.plan.stages[1].largest


def test_best_json_is_written_once_the_evaluations_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, write = Store.sync, architecture_files.write_atomically

    def synced(self: Store) -> None:
        sync(self)
        events.append("synced")

    def written(path: Path, content: bytes) -> None:
        events.append(path.name)
        write(path, content)

    monkeypatch.setattr(Store, "sync", synced)
    monkeypatch.setattr(architecture_files, "write_atomically", written)
    run(tmp_path / "run")
    assert events[-2:] == ["synced", "best.json"]


def test_an_evaluator_that_was_stopped_while_it_opened_is_not_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def close(_: object) -> None:
        raise AttributeError("half of it is missing")

    monkeypatch.setattr(Score, "open", stop)
    monkeypatch.setattr(Score, "close", close)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run")


class Noting(Score):
    """Has something to say when it is opened, and of one genome each time that it scores it."""

    def open(self, space: Any, context: Any) -> None:
        super().open(space, context)
        self.notes = context.notes
        self.notes.append("the learning rate was <lowered>")

    def evaluate(self, genome: Any) -> Any:
        self.notes.append("one was trained twice")
        return super().evaluate(genome)


def test_what_bears_on_the_result_is_kept_once_and_shown(tmp_path: Path) -> None:
    run(tmp_path / "run", evaluator="tests.runs.test_loop:Noting", strategy="random_search")
    result = load_result(tmp_path / "run")
    (stage,) = result.stages
    where = f"{stage} search"
    assert result.notes == {where: ["the learning rate was <lowered>", "one was trained twice"]}
    console = Console(width=200, file=io.StringIO())
    console.print(result_view(result))
    assert f"note, {where}: one was trained twice" in console.file.getvalue()  # type: ignore[attr-defined]
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"<strong>Note, {where}:</strong> the learning rate was &lt;lowered&gt;" in page
