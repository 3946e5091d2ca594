"""Networks with another number of classes than the data's are neither searched nor delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

import evo_nas
from evo_nas.core.progress import Silent
from evo_nas.errors import CheckpointError, SpaceError
from evo_nas.results.networks.train import train_architecture
from evo_nas.results.networks.trained import load_trained
from evo_nas.training.weights import describe_weights, read_description, save_weights

SPACE = """
from dataclasses import replace
from tests.kit.plugins import Keep, Tiny


class Heads(Tiny):
    def __init__(self, classes: int = 7, genomes: str = "all") -> None:
        super().__init__(blocks=2)
        self.classes, self.genomes = classes, genomes

    def build(self, genome, geometry):
        others = self.genomes == "all" or (self.genomes == "some" and sum(genome) % 2)
        if others and geometry != self.target:  # whose costs are told
            geometry = replace(geometry, classes=self.classes)
        return super().build(genome, geometry)
"""
DATA = "digits?train=100&validation=50&test=50"


def run(folder: Path, options: str, **changes: Any) -> Any:
    (folder / "mine.py").write_text(SPACE)
    given = {
        "flops": "100..400", "strategy": "random_search", "samples": 6, "population": 3,
        "finalists": 3, "jobs": 1, "data": DATA, "evaluator": "tests.kit.plugins:Lookup",
        "retrainer": "train", "finalist_epochs": 1, **changes,
    }  # fmt: skip
    space = f"{folder / 'mine.py'}:Heads?{options}"
    return evo_nas.run(space, run_dir=folder / "run", **given)


@pytest.mark.parametrize("classes", [1, 7, 1000])
def test_a_space_with_another_head_is_refused_before_the_run(tmp_path: Path, classes: int) -> None:
    said = f"it tells {classes} classes apart, where there are 10; mend its build"
    with pytest.raises(SpaceError, match=said):
        run(tmp_path, f"classes={classes}")
    assert not (tmp_path / "run").exists()


def test_a_finalist_with_another_head_has_failed(tmp_path: Path) -> None:
    result = run(tmp_path, "genomes=some")
    finalists = result.of("stage1", "finalists")
    failed = {sum(e.genome) % 2 for e in finalists if e.failure}
    scored = {sum(e.genome) % 2 for e in finalists if not e.failure}
    assert failed == {1}
    assert scored == {0}
    assert all("7 classes apart, where there are 10" in e.failure for e in finalists if e.failure)
    assert evo_nas.load(result.folder).pretrained_cfg["num_classes"] == 10


def test_nor_does_a_finalist_that_somebody_elses_retrainer_kept_get_delivered(
    tmp_path: Path,
) -> None:
    result = run(tmp_path, "genomes=some", retrainer="tests.kit.plugins:Keep", samples=12)
    failed = [e for e in result.of("stage1", "finalists") if e.failure]
    assert failed
    assert all("7 classes apart, where there are 10" in str(e.failure) for e in failed)
    assert sum(result.best["genome"]) % 2 == 0


def network_of_other_classes(folder: Path) -> Path:
    """A finished run, as one whose space builds another head would have ended."""
    result = run(folder, "genomes=none", retrainer="tests.kit.plugins:Keep")
    source = (folder / "mine.py").read_text()
    (folder / "mine.py").write_text(source.replace("others = ", "others = True or "))
    file = result.folder / "best.safetensors"
    weights = {name: tensor[:7].contiguous() for name, tensor in load_file(file).items()}
    about = read_description(file)
    assert about is not None
    save_weights(file, weights, describe_weights(about))
    return result.folder


def test_weights_of_another_head_are_neither_loaded_nor_exported(tmp_path: Path) -> None:
    folder = network_of_other_classes(tmp_path)
    for load in (evo_nas.load, load_trained):
        with pytest.raises(CheckpointError, match="it tells 7 classes apart, where there are 10"):
            load(str(folder))


def test_such_a_network_is_not_trained(tmp_path: Path) -> None:
    folder = network_of_other_classes(tmp_path)
    with pytest.raises(SpaceError, match="7 classes apart, where there are 10"):
        train_architecture(
            str(folder / "best.json"), data=DATA, geometry="proxy", recipe="quick", epochs=1,
            out=tmp_path / "w.safetensors", seed=0, device="cpu", threads=1, progress=Silent(),
        )  # fmt: skip
    assert not (tmp_path / "w.safetensors").exists()
