"""Evaluators in worker processes: the outcome is that of one process, whatever candidates do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.errors import DataError, EvaluatorError, SettingsError
from evo_nas.evaluation.evaluator import Evaluator, Failure
from evo_nas.evaluation.outcomes import answers, outcomes
from evo_nas.evaluation.workers import worker_count
from evo_nas.results.outlook.plan import processes
from evo_nas.results.page.repeat import command
from evo_nas.results.result import Result
from evo_nas.search.store.store import Store
from evo_nas.space.space import Space
from evo_nas.space.subspace import Subspace
from tests.kit.dangerous import FAULTS
from tests.kit.processes import FILE, SHORT, at_work, gone
from tests.kit.runs import Listener, told

HUNG = "no result within 5 s"


def run(folder: Path, evaluator: str = f"{FILE}:Dangerous", **changes: Any) -> Result:
    options = {**SHORT, "evaluator": evaluator, **changes}
    return evo_nas.run(f"{FILE}:Mine?blocks=3", "100..300", run_dir=folder, **options)


def notes(result: Result) -> list[str]:
    return Store(result.folder / "run.sqlite").notes().get("stage1 search", [])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The run in which those that hang and kill just fail, in one process."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    return run(folder, f"{FILE}:Dangerous?plain=true", jobs=1)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_search_survives_what_its_candidates_do(
    tmp_path: Path, plain: Result, jobs: int
) -> None:
    result = run(tmp_path / "run", jobs=jobs, time_limit=5)
    assert told(result) == told(plain)
    assert [e.images for e in result.evaluations] == [e.images for e in plain.evaluations]
    assert notes(result) == notes(plain) != []
    reasons = {e.failure for e in result.evaluations if e.failure is not None}
    raising = 'raise RuntimeError("out of luck")'
    line = next(
        n for n, text in enumerate(Path(FILE).read_text().splitlines(), 1) if raising in text
    )
    died = "its worker process died ({}), and so did a second one"
    assert reasons == {
        f"RuntimeError: out of luck (dangerous.py, line {line})",
        "the evaluator returned accuracy = nan, no finite number",
        HUNG,
        died.format("exit code 3"),
        died.format("SIGSEGV"),
    }
    assert len(set(FAULTS.values())) == len(reasons)
    assert result.best == plain.best


@pytest.mark.slow
def test_a_death_that_does_not_repeat_costs_nothing(tmp_path: Path) -> None:
    spec = f"{FILE}:Dangerous?plain=true&once={tmp_path}/mark"
    with at_work(spec, tmp_path / "run", jobs=1, limit=60) as (evaluator, workers, _):
        genomes = [(0, 1, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0)]
        found = {position: answer.outcome for position, answer in workers.answers(genomes)}
        assert (tmp_path / "mark").exists()
        assert found == dict(outcomes(evaluator, genomes))
        assert not isinstance(found[0], Failure)


@pytest.mark.slow
def test_what_is_counted_noted_and_said_comes_back(tmp_path: Path) -> None:
    listener = Listener()
    spec = f"{FILE}:Dangerous?plain=true"
    root = registry.load("space", f"{FILE}:Mine?blocks=2")
    space = Subspace(Subspace(root, {"block0.kind": "b"}), {"block1.kind": "a"})
    with at_work(spec, tmp_path, space, progress=listener) as (evaluator, workers, context):
        genomes = [(2, 1, 0), (0, 0, 2), (1, 1, 1), (0, 1, 0)]
        opening, _ = context.take()
        found = dict(workers.answers(genomes))
        assert found == dict(answers(evaluator, genomes, context))
        assert not all(isinstance(answer.outcome, Failure) for answer in found.values())
        noted = [note for answer in found.values() for note in answer.notes]
        assert noted
        assert opening.trained == 7
        assert not any(answer.images.trained for answer in found.values()), "opening is no answer's"
        assert any(answer.images.measured > 0 for answer in found.values())
        here = ["said"] * len(noted)
        assert listener.heard == ["said", *here], "workers say each line once"


@pytest.mark.slow
def test_errors_that_are_about_no_candidate_stop_it_by_their_names(tmp_path: Path) -> None:
    with (
        at_work(f"{FILE}:Dangerous?stops=true", tmp_path) as (_, workers, _),
        pytest.raises(DataError, match="the disk has gone"),
    ):
        list(workers.answers([(1, 0, 0, 0, 0, 0)]))


@pytest.mark.slow
def test_programs_that_end_and_evaluators_that_do_not_open_there(tmp_path: Path) -> None:
    with at_work(f"{FILE}:Leaves", tmp_path, limit=60) as (_, workers, _):
        ((_, answer),) = workers.answers([(0,) * 6])
        assert isinstance(answer.outcome, Failure)
        assert answer.outcome.reason.startswith("SystemExit: 4 (dangerous.py, line ")
    streams = Streams(os.getpid())
    with (
        at_work(f"{FILE}:Shut", tmp_path, streams=streams) as (_, workers, _),
        pytest.raises(EvaluatorError, match="not be opened in a worker process: OSError: no lic"),
    ):
        list(workers.answers([(0,) * 6]))


def test_who_works_where(monkeypatch: pytest.MonkeyPatch) -> None:
    space: Space = registry.load("space", "tests.kit.plugins:Tiny?blocks=2")
    inside: Evaluator = registry.load("evaluator", "tests.kit.plugins:Score")
    outside: Evaluator = registry.load("evaluator", f"{FILE}:Dangerous")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert worker_count(inside, space, "cpu", 3, 0) == 0
    for (device, jobs, limit), count in {
        ("cpu", 1, 0): 0, ("cpu", 1, 2): 1, ("cpu", 3, 0): 3,
        ("cuda:1", 3, 0): 0, ("cuda:1", 3, 2): 1, ("cuda", 3, 0): 4,
    }.items():  # fmt: skip
        assert worker_count(outside, space, device, jobs, limit) == count
    assert worker_count(type(outside)(), space, "cpu", 3, 0) == 0, "nobody knows how to load it"
    assert worker_count(outside, type(space)(blocks=2), "cpu", 3, 0) == 0


def test_a_time_limit_that_holds_for_nothing_is_refused(tmp_path: Path) -> None:
    said = "a time limit of 5 s would hold for nothing: tests.kit.plugins:Score does not"
    for limit in ("time_limit", "finalist_time_limit"):
        with pytest.raises(SettingsError, match=said):
            run(tmp_path / "run", "tests.kit.plugins:Score", retrainer="tests.kit.plugins:Score",
                **{limit: 5})  # fmt: skip
    with pytest.raises(SettingsError, match=r"time_limit is -1\.0; it is in seconds"):
        run(tmp_path / "run", time_limit=-1)


def test_a_limit_may_change(plain: Result) -> None:
    assert "--time-limit" not in command(plain.config, registry.load("space", plain.config.space))
    changed = replace(plain.config, time_limit=90, finalist_time_limit=3600)
    told = command(changed, registry.load("space", plain.config.space))
    assert "--time-limit 90" in told
    assert "--finalist-time-limit 3600" in told
    kept = json.loads(json.dumps(asdict(plain.config)))
    assert changed.began_with({"config": kept}.get)


def waited_for(path: Path, lines: int) -> list[int]:
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_text().count("\n") < lines:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [int(line) for line in path.read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_however_the_search_ends_no_worker_stays_and_it_goes_on(
    tmp_path: Path, plain: Result, number: int
) -> None:
    folder, log, hurry = tmp_path / "run", tmp_path / "log", tmp_path / "hurry"
    words: Sequence[str] = (
        "--space", f"{FILE}:Mine?blocks=3", "--flops", "100..300", "--strategy", "random_search",
        "--evaluator", f"{FILE}:Dangerous?plain=true&hurry={hurry}&log={log}", "--samples", "16",
        "--population", "8", "--finalists", "2", "--failures", "0.8", "--jobs", "2",
        "--run-dir", str(folder), "--quiet",
    )  # fmt: skip
    code = "from evo_nas.cli.app import main; main()"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    search = subprocess.Popen(
        [sys.executable, "-c", code, "run", *words], cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    workers = set(waited_for(log, 5))
    assert list(temporary.glob("evo-nas-*/job")), "it is here that workers read what they are given"
    os.killpg(search.pid, number)
    search.communicate(timeout=60)
    assert search.returncode in (-signal.SIGKILL, 130)
    assert all(any(gone(process) for _ in range(5)) for process in workers)
    assert any(not list(temporary.glob("evo-nas-*")) or time.sleep(0.1) for _ in range(100))
    hurry.touch()
    assert told(evo_nas.resume(folder)) == told(plain)


def test_the_plan_says_which_phase_works_where(tmp_path: Path) -> None:
    def words(**changes: Any) -> str:
        prepared = evo_nas.prepare(
            "tests.kit.plugins:Tiny?blocks=2", "unlimited", device="cpu",
            evaluator="tests.kit.plugins:Lookup", retrainer=f"{FILE}:Dangerous",
            run_dir=tmp_path / "run", **changes,
        )  # fmt: skip
        return processes(prepared)

    here = "scores in the process of the search"
    assert words(jobs=1) == f"cpu, 1 thread; {here}; finalists in the process of the search"
    told = f"cpu, 1 thread; {here} and up to 2 that it starts; finalists in 2 worker processes"
    assert words(jobs=2) == told
    assert words(jobs=1, finalist_time_limit=9).endswith("; finalists in 1 worker process")
    assert "scores" not in words(jobs=2, strategy="random")


def test_the_plan_says_how_many_processes_train_shared_weights(tmp_path: Path) -> None:
    prepared = evo_nas.prepare(
        "glit_hl", "1.4G", data="digits?train=100", device="cpu",
        run_dir=tmp_path / "run",
    )  # fmt: skip

    def words(shards: int, **changes: Any) -> str:
        recipe = prepared.config.recipe
        recipe = replace(recipe, supernet=replace(recipe.supernet, shards=shards))
        return processes(
            replace(prepared, config=replace(prepared.config, recipe=recipe, **changes))
        )

    told = "cpu, 1 thread; shared weights in {}, 4 shards of each step; scores in"
    assert words(4, jobs=2).startswith(told.format("2 processes"))
    assert words(4, jobs=1).startswith(told.format("1 process"))
    assert words(4, jobs=9).startswith(told.format("4 processes"))
    assert "shared weights" not in words(1, jobs=2)
    assert "shared weights" not in words(4, evaluator="zero_cost?scores=params")
