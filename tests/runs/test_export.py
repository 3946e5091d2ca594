"""What leaves a run: named and checked as the run's, and with nothing of the machine in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import evo_nas
from evo_nas.errors import SettingsError
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.trained import load_trained
from evo_nas.results.result import Result
from evo_nas.training.weight_files import load_weights, read_metadata, save_weights
from tests.kit.images import write_pictures

DATA = "digits?train=100&validation=50&test=50"
OWN = """
from tests.kit.plugins import Score, Tiny

class Own(Tiny):
    pass

class Ours(Score):
    needs_data = False
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run of next to no training; its folder's name has a space."""
    return evo_nas.run(
        "glit_hl", "1.4G", strategy="random", finalists=2, data=DATA, geometry="proxy,width=12",
        finalist_epochs=1, jobs=1, run_dir=tmp_path_factory.mktemp("runs") / "my run",
    )  # fmt: skip


def test_weights_in_a_run_folder_are_those_of_the_run(run: Result, tmp_path: Path) -> None:
    file = run.folder / "best.safetensors"
    best, same = load_trained(str(file)), load_trained(str(run.folder))
    assert (best.name, best.run, best.measured) == ("my run", run.folder, same.measured)
    given = load_trained(str(run.folder / "best.json"), weights=file)
    shutil.copy(file, run.folder / "checkpoints" / "copy.safetensors")
    copy = load_trained(str(run.folder / "checkpoints" / "copy.safetensors"))
    for number, network in enumerate((given, copy)):
        assert network.run is None  # what the run measured may be of other weights
        found = export(network, Wish(("safetensors",)), tmp_path / f"{number}.safetensors")
        assert [p.source for p in found.checks.values()] == [f"validation images of {DATA}"]
    (run.folder / "checkpoints" / "copy.safetensors").unlink()


@pytest.mark.parametrize("number", ["3", -1, 2.5, True, 10**30 * 1.0, [3]])
def test_only_a_number_of_classes_is_one(number: Any, run: Result) -> None:
    with pytest.raises(SettingsError, match=r"num_classes is .*; give a whole number, or 0 for"):
        evo_nas.load(run.folder, num_classes=number)


@torch.no_grad()
def test_without_classes_there_is_no_classifier(run: Result) -> None:
    network: Any = evo_nas.load(run.folder, num_classes=0)
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, network.head_hidden_size)
    assert network.num_classes == 0


def test_a_card_tells_no_folders_of_the_machine(tmp_path: Path) -> None:
    plugin = tmp_path / "home" / "mine.py"
    plugin.parent.mkdir()
    plugin.write_text(OWN)
    pictures = write_pictures(tmp_path / "home" / "pictures", 20)
    ran = evo_nas.run(
        f"{plugin}:Own", "1G", strategy="random", evaluator=f"{plugin}:Ours", retrainer="train",
        limits=[f"{plugin}:Ours#accuracy>=0"], data=str(pictures), samples=4, population=2,
        finalists=1, finalist_epochs=1, jobs=1, run_dir=tmp_path / "home" / "run",
    )  # fmt: skip
    found = export(
        load_trained(str(ran.folder)), Wish(("folder", "torch-export")), tmp_path / "out"
    )
    for file in found.path.iterdir():
        assert b"home" not in file.read_bytes(), file.name
    card = (found.path / "README.md").read_text()
    assert "mine.py:Ours" in card
    assert "--data 'pictures" in card or "--data pictures" in card
    assert "Of files and folders only the names are told." in card
    alone = export(load_trained(str(ran.folder)), Wish(("torch-export",)), tmp_path / "out.pt2")
    assert str(tmp_path) not in (tmp_path / "out.pt2.json").read_text()
    assert alone.checks["out.pt2"].source == "validation images of pictures"


def test_weights_of_earlier_versions_get_their_classes_from_the_run(
    run: Result, tmp_path: Path
) -> None:
    old = tmp_path / "run"
    shutil.copytree(run.folder, old)
    tensors = load_weights(old / "best.safetensors")
    metadata = json.loads(read_metadata(old / "best.safetensors")["architecture"])
    del metadata["classes"]
    assert tensors is not None
    save_weights(old / "best.safetensors", tensors, {"architecture": json.dumps(metadata)})
    network = load_trained(str(old))
    assert network.about.classes == ()
    found = export(network, Wish(), tmp_path / "out")
    assert "- 10 classes: 0, 1, 2" in (found.path / "README.md").read_text()
    assert evo_nas.load(found.path).pretrained_cfg["label_names"][:2] == ("0", "1")
    config = old / "config.toml"
    config.write_text(config.read_text().replace(DATA, "/nowhere/pictures"))
    found = export(network, Wish(), tmp_path / "other")
    assert "names are not known" in (found.path / "README.md").read_text()
