"""What was trained further elsewhere comes back as it was, whoever saved it and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import evo_nas
from evo_nas.errors import CheckpointError, SettingsError
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.trained import load_trained
from evo_nas.results.result import Result
from tests.kit.networks import STATISTICS, normalised, pixels, trained

SPACE = "autoformer_tiny"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    return export(trained(place, SPACE), Wish(), place / "model").path


def tuned(what: Path, num_classes: int | None = None) -> Any:
    """A network that somebody has trained further."""
    torch.manual_seed(5)
    network = evo_nas.load(what, num_classes=num_classes)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@torch.no_grad()
def check_same(found: nn.Module, network: nn.Module) -> None:
    images = torch.rand(3, 1, 8, 8)
    torch.testing.assert_close(found(images), network(images), rtol=0, atol=0)


def of(state: dict[str, Tensor], front: str) -> dict[str, Tensor]:
    return {f"{front}{name}": tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    ("file", "front", "key"),
    [
        ("w.safetensors", "", None),
        ("w.pth", "", None),
        ("w.ckpt", "model._orig_mod.", "state_dict"),
        pytest.param("w.pt", "module.", None, marks=pytest.mark.slow),
        pytest.param("pytorch_model.bin", "_orig_mod.", "model", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("classes", [None, pytest.param(4, marks=pytest.mark.slow)])
def test_weights_of_a_model_folder_come_back(
    folder: Path, tmp_path: Path, file: str, front: str, key: str | None, classes: int | None
) -> None:
    network = tuned(folder, classes)
    state = of(network.state_dict(), front)
    if file.endswith(".safetensors"):
        save_file(state, tmp_path / file)
    else:
        torch.save(state if key is None else {key: state}, tmp_path / file)
    for weights in (tmp_path / file, tmp_path) if "model" in file else (tmp_path / file,):
        found: Any = evo_nas.load(folder, weights)
        check_same(found, network)
        assert found.num_classes == (classes or 10)
        assert found.pretrained_cfg["mean"] == STATISTICS[0]
        assert found.pretrained_cfg["label_names"] == (tuple("abc") if classes is None else ())
    check_same(evo_nas.load(folder, tmp_path / file, num_classes=classes), network)


def test_weights_that_take_the_place_of_those_in_the_folder_do_too(
    folder: Path, tmp_path: Path
) -> None:
    network = tuned(folder)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    save_file(network.state_dict(), copy / "model.safetensors")
    check_same(evo_nas.load(copy), network)
    assert load_trained(str(copy)).about.geometry.image_size == 8


def test_files_of_a_folder_may_be_links(folder: Path, tmp_path: Path) -> None:
    """As they are in Hugging Face's cache, whose contents have no endings."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    for number, path in enumerate(folder.iterdir()):
        blob = tmp_path / "blobs" / f"{number:064}"
        blob.write_bytes(path.read_bytes())
        (tmp_path / "snapshot" / path.name).symlink_to(f"../blobs/{blob.name}")
    check_same(evo_nas.load(tmp_path / "snapshot"), evo_nas.load(folder))


def test_weights_of_a_run_and_of_its_finalists_come_back(run: Result, tmp_path: Path) -> None:
    for what in (run.folder, run.folder / "best.json", run.folder / "finalists" / "2.json",
                 run.folder / "best.safetensors"):  # fmt: skip
        network = tuned(what)
        torch.save(network.state_dict(), tmp_path / "w.pth")
        found: Any = evo_nas.load(what, tmp_path / "w.pth")
        check_same(found, network)
        assert found.pretrained_cfg == network.pretrained_cfg
    alone = tmp_path / "alone.json"
    alone.write_bytes((run.folder / "finalists" / "2.json").read_bytes())
    network = tuned(run.folder / "finalists" / "2.json")
    torch.save(network.state_dict(), tmp_path / "w.pth")
    with pytest.raises(SettingsError, match=r"how images are normalised; give --mean and --std"):
        evo_nas.load(alone, tmp_path / "w.pth")
    check_same(evo_nas.load(alone, tmp_path / "w.pth", mean=[0.5], std=[0.5]), network)


def test_weights_of_another_network_are_named_in_one_line(folder: Path, tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=r"w\.pth lacks \S+, which the network has$"):
        evo_nas.load(folder, tmp_path / "w.pth")


def test_a_run_without_its_weights_says_how_they_are_had(run: Result, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.toml", "run.sqlite", "best.json"):
        (copy / name).write_bytes((run.folder / name).read_bytes())
    with pytest.raises(CheckpointError, match=r"no best\.safetensors; evo-nas resume \S+copy wri"):
        evo_nas.load(copy)


@pytest.mark.slow
def test_an_exported_folder_is_exported_again(folder: Path, tmp_path: Path) -> None:
    network = load_trained(str(folder))
    found = export(network, Wish(), tmp_path / "again")
    images = normalised(network, pixels(network, 2))
    torch.testing.assert_close(evo_nas.load(found.path)(images), network.network(images))
    told = json.loads((found.path / "architecture.json").read_text())["trained"]
    assert told["geometry"]["image_size"] == 8
