"""Evaluators that ask others: these work in processes that may hang and die, with one outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.errors import EvaluatorError, SettingsError
from evo_nas.results.outlook.plan import processes
from evo_nas.results.result import Result
from evo_nas.search.store.store import Store
from tests.kit.processes import FILE, SHORT, gone
from tests.kit.runs import told

LEVELS = f"{FILE}:Dangerous{{}};{FILE}:Dangerous?plain=true"
CASCADE = f"cascade?levels={LEVELS}&shares=0.5&reference=8"
TOGETHER = f"together?first={FILE}:Dangerous{{}}&second=tests.kit.plugins:Clock"
HUNG = "no result within 3 s"


def run(folder: Path, evaluator: str, space: str = f"{FILE}:Mine?blocks=3", **changes: Any) -> Any:
    options = {**SHORT, "evaluator": evaluator, "retrainer": "tests.kit.plugins:Lookup", **changes}
    return evo_nas.run(space, "100..300", run_dir=folder, **options)


def account(result: Result) -> tuple[object, ...]:
    """All that a search has found, and what it took and noted, by candidate."""
    notes = Store(result.folder / "run.sqlite").notes()
    return told(result), [e.images for e in result.evaluations], notes, result.best


@pytest.mark.slow
@pytest.mark.parametrize("spec", [CASCADE, TOGETHER])
def test_what_they_ask_may_hang_and_die(tmp_path: Path, spec: str) -> None:
    plain = run(tmp_path / "plain", spec.format("?plain=true"), jobs=1)
    assert sum(e.images.measured for e in plain.evaluations) > 0
    assert account(plain)[2]["stage1 search"] != []
    for jobs in (1, 2):
        result = run(tmp_path / f"{jobs}", spec.format(""), jobs=jobs, time_limit=3)
        assert account(result) == account(plain)
        reasons = {str(e.failure).partition(" (")[0] for e in result.evaluations if e.failure}
        assert {HUNG, "its worker process died"} < reasons


def test_images_and_notes_are_those_of_the_candidate(tmp_path: Path) -> None:
    result = run(tmp_path / "run", CASCADE.format("?plain=true"), jobs=1)
    for e in result.of("stage1", "search"):
        number = sum((i + 1) * gene for i, gene in enumerate(e.genome))
        times = 0 if e.failure else 1 + int(e.metrics["passed"])
        assert e.images.measured == number * times


@pytest.mark.slow
def test_networks_are_scored_in_workers_and_compared_here(tmp_path: Path) -> None:
    spec = "zero_cost?scores=grad_norm,synflow,params&reference=6&images=4"
    space, images = f"{FILE}:Deadly?blocks=2", {"data": "digits?train=60"}
    runs = {
        jobs: run(tmp_path / f"{jobs}", spec, space, jobs=jobs, time_limit=5, samples=12, **images)
        for jobs in (1, 2)
    }
    assert account(runs[1]) == account(runs[2])
    plain = run(
        tmp_path / "plain", spec, f"{FILE}:Deadly?blocks=2&plain=true", jobs=1, samples=12, **images
    )
    assert told(plain) == told(runs[2])
    searched = runs[2].of("stage1", "search")
    reasons = {str(e.failure).partition(" (")[0] for e in searched if e.failure}
    assert reasons == {"no result within 5 s", "its worker process died"}
    assert any(e.metrics for e in searched)


def test_a_time_limit_holds_where_the_last_level_is_in_workers(tmp_path: Path) -> None:
    def where(evaluator: str, jobs: int = 1) -> str:
        prepared = evo_nas.prepare(
            "glit_hl", "1.4G", strategy="random_search", evaluator=evaluator, time_limit=9,
            device="cpu", jobs=jobs, data="digits?train=60", run_dir=tmp_path / "run",
        )  # fmt: skip
        return processes(prepared)

    told = "scores in the process of the search, which asks {} for each evaluator that works in"
    assert told.format("1 worker process") in where("zero_cost?scores=naswot")
    cascade = "cascade?levels=zero_cost?scores=params;train"
    assert told.format("2 worker processes") in where(cascade, jobs=2)
    for spec in ("cascade?levels=zero_cost;supernet?rank=loss", "zero_cost?scores=params"):
        with pytest.raises(SettingsError) as caught:
            where(spec)
        assert f"9 s would hold for nothing: {spec} does not" in str(caught.value)


@pytest.mark.slow
def test_what_does_not_open_leaves_no_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    levels = f"{FILE}:Dangerous?plain=true%26log={log};{FILE}:Leaves;{FILE}:Dangerous"
    with pytest.raises(EvaluatorError, match="Leaves fails for the whole reference sample: System"):
        run(tmp_path / "run", f"cascade?levels={levels}&shares=0.5&reference=8", jobs=2)
    processes = {int(line) for line in log.read_text().split()}
    assert len(processes) == 2
    assert all(any(gone(process) for _ in range(5)) for process in processes)
