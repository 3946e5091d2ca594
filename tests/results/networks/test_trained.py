"""Networks with weights: what names them, what they tell, and whose code may run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import evo_nas
from evo_nas.core.progress import Silent
from evo_nas.errors import CheckpointError, SettingsError, SpaceError, SpecError
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.train import train_architecture
from evo_nas.results.networks.trained import load_trained
from evo_nas.results.result import Result
from tests.kit.images import write_pictures
from tests.kit.networks import DATA, trained

OWN = """
from tests.kit.plugins import Score, Tiny

class Own(Tiny):
    pass

class Ours(Score):
    needs_data = False
"""


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


@torch.no_grad()
def test_weights_without_a_classifier_are_loaded_as_that_or_under_a_new_one(
    run: Result, tmp_path: Path
) -> None:
    whole: Any = evo_nas.load(run.folder, num_classes=0)
    torch.save(whole.state_dict(), tmp_path / "features.pth")
    images = torch.rand(2, 1, 8, 8)
    for number, size in ((None, whole.head_hidden_size), (0, whole.head_hidden_size), (10, 10)):
        network: Any = evo_nas.load(run.folder, tmp_path / "features.pth", num_classes=number)
        assert network(images).shape == (2, size)
        assert network.pretrained_cfg["num_classes"] == 0
        network.reset_classifier(0)
        assert torch.equal(network(images), whole(images))
    with pytest.raises(CheckpointError, match=r"features\.pth lacks "):
        load_trained(str(run.folder), weights=tmp_path / "features.pth")


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


def test_a_network_that_was_trained_alone_knows_how(tmp_path: Path) -> None:
    out = tmp_path / "alone.safetensors"
    told = train_architecture(
        "deit_tiny", data=DATA, geometry="proxy,width=12", recipe="quick", epochs=1, out=out,
        seed=3, device="cpu", threads=1, progress=Silent(),
    )  # fmt: skip
    network = load_trained(str(out))
    assert network.measured["test_accuracy"] == told["test_accuracy"]
    found = export(network, Wish(), tmp_path / "folder")
    (parity,) = found.checks.values()
    assert parity.source == f"validation images of {DATA}"
    card = (found.path / "README.md").read_text()
    assert f"{told['test_accuracy']:.4f}" in card
    assert "seed 3" in card


def test_finalists_and_best_json_are_networks_of_the_run(run: Result) -> None:
    best = load_trained(str(run.folder))
    same = load_trained(str(run.folder / "best.json"))
    first = load_trained(str(run.folder / "finalists" / "1.json"))
    second = load_trained(str(run.folder / "finalists" / "2.json"))
    for other in (same, first):
        assert other.about.genome == best.about.genome
        for name, tensor in best.network.state_dict().items():
            torch.testing.assert_close(other.network.state_dict()[name], tensor, rtol=0, atol=0)
    assert second.about.genome != best.about.genome
    assert (second.about.geometry, second.about.mean, second.run) == (
        best.about.geometry,
        best.about.mean,
        first.run,
    )
    assert second.name == "my run-finalist-2"
    assert run.best is not None
    assert best.measured == run.best["measured"]
    assert second.measured["validation_accuracy"] <= first.measured["validation_accuracy"]


def test_a_space_that_is_code_runs_only_if_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text("from tests.kit.plugins import Tiny\nopen(__file__ + '.ran', 'w').close()\n")
    network = trained(tmp_path, f"{plugin}:Tiny")
    found = export(network, Wish(), tmp_path / "out")
    copy = found.path / "space.py"
    assert copy.read_text() == plugin.read_text()
    with pytest.raises(SpecError, match="trust_code=True"):
        evo_nas.load(found.path)
    assert not (found.path / "space.py.ran").exists()
    monkeypatch.delenv("EVO_NAS_ALLOW_CODE")  # trust_code is enough
    loaded: Any = evo_nas.load(found.path, trust_code=True)
    assert (found.path / "space.py.ran").exists()
    assert "trust_code=True" in (found.path / "README.md").read_text()
    with pytest.raises(SpaceError, match="Sequential has no forward_features"):
        evo_nas.load(found.path, num_classes=2, trust_code=True)
    assert loaded.pretrained_cfg["num_classes"] == 10
    architecture = json.loads((found.path / "architecture.json").read_text())
    architecture["space"] = f"{plugin}:Tiny"
    (found.path / "architecture.json").write_text(json.dumps(architecture))
    with pytest.raises(SpecError, match="names a space outside"):
        evo_nas.load(found.path, trust_code=True)
    architecture["space"] = "shutil:rmtree?path=x"
    (found.path / "architecture.json").write_text(json.dumps(architecture))
    with pytest.raises(SpecError, match="would run code that no run of yours has used"):
        evo_nas.load(found.path, trust_code=True)


def test_code_that_architectures_and_weights_name_runs_only_if_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text("from tests.kit.plugins import Tiny\n")
    network = trained(tmp_path, f"{plugin}:Tiny")
    file = tmp_path / "theirs.json"
    weights = network.weights
    file.write_text(json.dumps({"space": f"{plugin}:Tiny", "genome": network.about.genome}))
    monkeypatch.delenv("EVO_NAS_ALLOW_CODE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nobody's"))
    for _ in range(2):  # trusting it once is not for ever
        with pytest.raises(SpecError, match="trust_code=True"):
            evo_nas.load(file, weights)
        with pytest.raises(SpecError, match="trust_code=True"):
            evo_nas.load(weights)  # which name their space themselves
        evo_nas.load(weights, trust_code=True)
        loaded: Any = evo_nas.load(file, weights, trust_code=True)
        assert loaded.pretrained_cfg["num_classes"] == 10


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    trained(tmp_path, "autoformer_tiny")
    with pytest.raises(CheckpointError, match="weights of another network than"):
        load_trained("autoformer_t", weights=tmp_path / "trained.safetensors")
    with pytest.raises(SettingsError, match=r"deit_tiny has no weights: .*evo-nas train deit_tiny"):
        evo_nas.load("deit_tiny")


def test_a_network_is_loaded_for_other_sizes_of_images(tmp_path: Path) -> None:
    made = trained(tmp_path, "glit_hl")
    weights, images = str(made.weights), torch.randn(3, 1, 8, 8)
    same, larger = evo_nas.load(weights, image_size=8), evo_nas.load(weights, image_size=16)
    assert torch.equal(same(images), made.network(images))
    assert larger.pretrained_cfg["input_size"] == (1, 16, 16)
    assert larger.preprocessing.image_size == 16
    twice = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.isfinite(larger(twice)).all()
    with pytest.raises(SettingsError, match="a multiple of the patch"):
        evo_nas.load(weights, image_size=9)
