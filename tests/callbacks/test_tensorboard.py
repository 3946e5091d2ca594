from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evo_nas.search.course.audience import make_callbacks
from tests.kit.callbacks import play

events = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is missing"
)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    accumulator = events.EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def logger(spec: str = "tensorboard") -> Any:
    return make_callbacks([spec])[0]


def test_event_files_hold_what_happened(tmp_path: Path) -> None:
    play(logger(), tmp_path)
    found = read(tmp_path / "tensorboard")
    assert found["stage1/search/accuracy"] == [(1, 0.5)]
    assert found["stage1/search/failed"] == [(1, 0.0), (2, 1.0)]
    assert found["stage1/search/training/loss"] == [(1, 2.0), (2, 1.0)]
    assert found["stage1/finalists/accuracy"] == [(3, 0.75)]
    assert found["stage1/finalists/images_trained"] == [(3, 100.0)]
    assert found["stage1/best/accuracy"] == [(3, 0.75)]
    assert found["final/test_accuracy"] == [(0, 0.75)]
    assert found["final/delivered.flops"] == [(0, 12.0)]
    (training,) = [tag for tag in found if tag.startswith("stage1/finalists/training-")][:1]
    assert found[training.rpartition("/")[0] + "/loss"] == [(1, 0.5)]


def test_a_resumed_run_adds_to_a_folder_of_ones_own(tmp_path: Path) -> None:
    spec = f"tensorboard?folder={tmp_path / 'log'}"
    play(logger(spec), tmp_path, status="stopped")
    play(logger(spec), tmp_path, recorded=3)
    found = read(tmp_path / "log")
    assert [step for step, _ in found["stage1/finalists/accuracy"]] == [3, 4]
    assert not (tmp_path / "tensorboard").exists()
