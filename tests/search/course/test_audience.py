from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import evo_nas
from evo_nas.callbacks import Callback, RunBegun
from evo_nas.errors import SettingsError, SpecError
from evo_nas.search.course.audience import make_callbacks
from tests.kit.callbacks import Memory
from tests.kit.runs import Listener, outcome, run, stopped, told

FLAT = {"strategy": "spos"}


def genomes(evaluations: Any) -> list[Any]:
    return [(e.stage, e.phase, e.generation, e.position, e.genome) for e in evaluations]


STOP = (1, 2)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of two stages, and who watched it."""
    memory = Memory()
    return run(tmp_path_factory.mktemp("runs") / "run", callbacks=memory), memory


def test_a_callback_hears_what_happens_in_its_order(watched: Any) -> None:
    result, memory = watched
    stage = ["stage_begun", "evaluation_done", "stage_ended"]
    assert memory.methods == ["run_begun", *stage, *stage, "run_ended"]
    assert memory.of("evaluation_done") == list(result.evaluations)
    assert [stage.name for stage in memory.of("stage_begun")] == ["stage1", "stage2"]
    last = memory.of("stage_ended")[-1]
    assert last.finalists[0].genome == tuple(result.best["genome"])
    (begun,), (ended,) = memory.of("run_begun"), memory.of("run_ended")
    assert begun.folder == result.folder
    assert begun.recorded == 0
    assert begun.options["settings"]["samples"] == 24
    assert ended.status == "finished"
    assert ended.measured == result.best["measured"]
    assert result.facts["watched"].by == ("Memory",)


class Meddling(Callback):
    """Does what it can to change a run."""

    def _meddle(self, told: Any = None) -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    run_begun = stage_begun = epoch_done = stage_ended = run_ended = _meddle

    def evaluation_done(self, evaluation: Any) -> None:
        self._meddle()
        evaluation.metrics["accuracy"] = 1.0
        evaluation.images.trained += 10**6


class Broken(Callback):
    def __init__(self) -> None:
        self.calls = 0

    def evaluation_done(self, evaluation: Any) -> None:
        self.calls += 1
        raise KeyError("no such figure")


class BrokenFromTheStart(Callback):
    def __init__(self) -> None:
        self.calls = 0

    def run_begun(self, run: RunBegun) -> None:
        raise SystemExit(3)

    def evaluation_done(self, evaluation: Any) -> None:
        self.calls += 1


def test_no_callback_changes_or_stops_a_run(tmp_path: Path, watched: Any) -> None:
    broken, absent, display = Broken(), BrokenFromTheStart(), Listener()
    result = run(tmp_path / "run", callbacks=[Meddling, broken, absent], progress=display)
    assert outcome(result) == outcome(watched[0])
    assert broken.calls == len(result.evaluations)
    assert absent.calls == 0
    lines = [line for line in display.heard if line.startswith("callback")]
    assert [line.partition(" (")[0] for line in lines] == [
        "callback BrokenFromTheStart failed, the run goes on without it: run_begun: SystemExit: 3",
        "callback Broken failed, the run goes on: evaluation_done: KeyError: 'no such figure'",
    ]
    assert [line for line in result.notes["run"] if line.startswith("callback")] == lines


def test_what_is_recorded_is_not_told_again(tmp_path: Path, watched: Any) -> None:
    before, first, second, display = watched[0], Memory(), Memory(), Listener()
    stopped(30, run, tmp_path / "run", callbacks=[first])
    assert first.of("run_ended")[0].status == "failed"
    stopped(1, evo_nas.resume, tmp_path / "run", display)
    result = evo_nas.resume(tmp_path / "run", callbacks=[second])
    assert outcome(result) == outcome(before)
    assert genomes(first.of("evaluation_done")) == genomes(before.evaluations)[:30]
    assert genomes(second.of("evaluation_done")) == genomes(before.evaluations)[31:]
    assert second.of("run_begun") == [replace(first.of("run_begun")[0], recorded=31)]
    assert [stage.name for stage in second.of("stage_begun")] == ["stage2"]
    assert [ended.stage.name for ended in second.of("stage_ended")] == ["stage2"]
    assert display.heard.count("no more watched by Memory: give it again with --callback") == 1


def test_an_interrupt_is_told_as_a_stop(tmp_path: Path) -> None:
    class Interrupting(Memory):
        def evaluation_done(self, evaluation: Any) -> str | None:
            raise KeyboardInterrupt

    memory = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", callbacks=[memory], **FLAT)
    assert memory.of("run_ended")[0].status == "stopped"


def test_a_callback_ends_a_search_after_the_generation(tmp_path: Path) -> None:
    display = Listener()
    result = run(tmp_path / "run", callbacks=[Memory(STOP)], progress=display, **FLAT)
    ending = result.ending("stage1")
    assert ending is not None
    assert (ending.why, ending.generation, ending.candidates) == ("callback", 1, 16)
    line = "stage1: ended after generation 2, 16 of 24 candidates: callback Memory: seen enough"
    assert line in display.heard
    assert len([e for e in result.evaluations if e.phase == "finalists"]) == 3
    # Stopped between what the callback said and the end of the generation, and gone on alone.
    stopped(12, run, tmp_path / "other", callbacks=[Memory(STOP)], **FLAT)
    other = evo_nas.resume(tmp_path / "other")
    assert outcome(other) == outcome(result)
    assert other.ending("stage1") == ending
    # More candidates than that are searched as if nobody had said so.
    longer = evo_nas.resume(tmp_path / "other", samples=32)
    assert longer.ending("stage1").why == "samples"  # type: ignore[union-attr]
    assert told(longer)[:16] == told(result)[:16]


def test_what_is_no_reason_ends_nothing(tmp_path: Path) -> None:
    class Vague(Callback):
        def evaluation_done(self, evaluation: Any) -> Any:
            return True

    result = run(tmp_path / "run", callbacks=[Vague()], **FLAT)
    assert result.ending("stage1").why == "samples"  # type: ignore[union-attr]
    (line,) = result.notes["run"]
    assert "it returned True: a text that says why ends a search" in line


def test_what_is_no_callback_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"callbacks has 3; give specs, as 'tensorboard'"):
        run(tmp_path / "run", callbacks=[3])
    with pytest.raises(SpecError, match=r"unknown callback 'tensorbord'; did you mean"):
        run(tmp_path / "run", callbacks="tensorbord")
    assert not (tmp_path / "run").exists()


def test_callbacks_are_made_of_specs_classes_and_objects(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from evo_nas.callbacks import Callback\n\n\nclass Mine(Callback):\n    pass\n"
    )
    memory = Memory()
    made = make_callbacks([f"{tmp_path / 'mine.py'}:Mine", Memory, memory])
    assert [type(each).__name__ for each in made] == ["Mine", "Memory", "Memory"]
    assert made[2] is memory


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_epochs_of_finalists_are_told_wherever_they_are_trained(tmp_path: Path, jobs: int) -> None:
    memory = Memory()
    given = {"retrainer": "train", "finalist_epochs": 2, "jobs": jobs, "callbacks": [memory]}
    run(tmp_path / "run", **FLAT, **given)
    epochs = memory.of("epoch_done")
    assert {(epoch.stage, epoch.phase) for epoch in epochs} == {("stage1", "finalists")}
    assert [epoch.number for epoch in epochs] == [1, 2] * 3
    assert len({epoch.training for epoch in epochs}) == 3
    assert all(epoch.loss > 0 for epoch in epochs)
