"""A search by a recipe that has everything, stopped anywhere, ends as one that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.core.progress import Silent
from evo_nas.results.networks.train import train_architecture
from evo_nas.results.result import Result
from evo_nas.search.store.rungs import last_measured
from tests.kit.runs import outcome, stopped

pytestmark = pytest.mark.slow

DATA = "digits?train=100&validation=60&test=50"
RECIPE = """
calibration_images = 16
sharing = "entangled"
rank = "loss"
paths = "budget"
sandwich = 3
halving = 2

[supernet]
optimizer = "adamw"
epochs = 1
batch_size = 32
learning_rate = 3e-3
weight_decay = 0.05
teacher = "{teacher}"
distillation = "soft"

[finetune]
optimizer = "adamw"
epochs = 2
batch_size = 32
learning_rate = 1e-3
weight_decay = 0.05
teacher = "{teacher}"

[train]
optimizer = "adamw"
epochs = 1
batch_size = 32
learning_rate = 3e-3
weight_decay = 0.05
"""
GIVEN: dict[str, Any] = {
    "space": "glit_hl", "flops": "1.4G", "strategy": "hierarchical?finalists=additive",
    "samples": 12, "population": 6, "parents": 2, "finalists": 4, "data": DATA,
    "geometry": "proxy,width=12", "jobs": 1,
}  # fmt: skip
STAGE = 12 + 4 + 2  # candidates, and finalists of either rung


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taught")
    teacher = folder / "teacher.safetensors"
    train_architecture(
        "deit_tiny", data=DATA, geometry="proxy,width=12", recipe="quick", epochs=1, out=teacher,
        seed=0, device="cpu", threads=1, progress=Silent(),
    )  # fmt: skip
    path = folder / "all.toml"
    path.write_text(RECIPE.format(teacher=teacher))
    return path


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("whole") / "run"
    return evo_nas.run(recipe=str(recipe), run_dir=folder, **GIVEN)


def test_finalists_inherit_learn_and_climb_rungs(whole: Result) -> None:
    config = whole.config
    assert (config.inherit, config.settings.halving) == (True, 2)
    assert config.evaluator == "supernet?rank=loss"
    for stage in whole.stages:
        trained = whole.of(stage, "finalists")
        assert [e.metrics["epochs"] for e in trained] == [1, 1, 1, 1, 2, 2]
        last = [e for e in last_measured(trained) if e.metrics["epochs"] == 2]
        assert len(last) == 2
    assert whole.best is not None


@pytest.mark.parametrize("evaluations", [14, STAGE + 8, 2 * STAGE - 1])
def test_it_goes_on_wherever_it_was_stopped(
    whole: Result, recipe: Path, tmp_path: Path, evaluations: int
) -> None:
    stopped(evaluations, evo_nas.run, recipe=str(recipe), run_dir=tmp_path / "run", **GIVEN)
    assert outcome(evo_nas.resume(tmp_path / "run")) == outcome(whole)


def test_processes_change_nothing(whole: Result, recipe: Path, tmp_path: Path) -> None:
    found = evo_nas.run(recipe=str(recipe), run_dir=tmp_path / "run", **{**GIVEN, "jobs": 2})
    assert outcome(found) == outcome(whole)
