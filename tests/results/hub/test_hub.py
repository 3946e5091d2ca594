"""Model folders go to the Hub and come back; nothing of them runs unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import evo_nas
from evo_nas.errors import EvoNasError, HubError, SpecError
from evo_nas.results.hub.address import Address, parse_address
from evo_nas.results.networks.export import Wish, export
from tests.kit.command import command_line
from tests.kit.hub import FakeHub, fake_hub
from tests.kit.networks import trained
from tests.kit.spaces import shallow_toml


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub(monkeypatch, tmp_path / "cache") as hub:
        yield hub


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    (place / "shallow.toml").write_text(shallow_toml("convolution", "1"))
    network = trained(place, str(place / "shallow.toml"), at_target=True)
    return export(network, Wish(), place / "found").path


def pictures(folder: Path) -> Tensor:
    return torch.randn(3, *evo_nas.load(folder).pretrained_cfg["input_size"])


def test_a_folder_goes_up_and_comes_back(hub: FakeHub, folder: Path) -> None:
    told = evo_nas.push_to_hub(folder, "me/found", private=True)
    address = parse_address(told)
    assert (address.repository, len(address.revision or "")) == ("me/found", 40)
    assert "private" in (
        hub.created[0].get("visibility"),
        *(k for k, v in hub.created[0].items() if v is True),
    )
    files = hub.repositories["me/found"]["main"]
    assert files == {path.name: path.read_bytes() for path in folder.iterdir()}
    ours, images = evo_nas.load(folder), pictures(folder)
    for name in (told, "hf://me/found", "hf://me/found@main", Path("hf://me/found")):
        assert torch.equal(evo_nas.load(name)(images), ours(images))


@pytest.mark.slow
def test_what_is_no_folder_yet_is_made_one(hub: FakeHub, folder: Path) -> None:
    evo_nas.push_to_hub(
        folder.parent / "trained.safetensors", "hf://me/made@next", license="mit", datasets=["a/b"]
    )
    assert not hub.repositories["me/made"]["main"]
    card = hub.repositories["me/made"]["next"]["README.md"].decode()
    assert '\nlicense: "mit"\ndatasets: ["a/b"]\n' in card
    assert card.endswith("\n## Licence\n\nmit\n")
    evo_nas.load("hf://me/made@next")


def test_what_was_loaded_opens_without_the_hub(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put("me/found", folder)
    network = evo_nas.load("hf://me/found")
    hub.repositories.clear()
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    images = pictures(folder)
    assert torch.equal(evo_nas.load("hf://me/found")(images), network(images))


def test_code_from_the_hub_runs_only_if_it_is_trusted(hub: FakeHub, tmp_path: Path) -> None:
    place = tmp_path / "evil"
    place.mkdir()
    ran = tmp_path / "ran"
    (place / "space.py").write_text(f"open({str(ran)!r}, 'w')\nclass S: pass\n")
    (place / "architecture.json").write_text(
        json.dumps({"format": 1, "name": "x", "space": "space.py:S", "genome": [0]})
    )
    hub.put("some/one", place)
    with pytest.raises(SpecError, match="read it, and if you trust it"):
        evo_nas.load("hf://some/one")
    assert not ran.exists()
    with pytest.raises(EvoNasError):
        evo_nas.load("hf://some/one", trust_code=True)  # it is no space
    assert ran.exists()


@pytest.mark.parametrize("space", ["os:system?command=true", "/etc/space.py:S", "../x.toml"])
def test_specs_that_leave_the_folder_are_refused(hub: FakeHub, tmp_path: Path, space: str) -> None:
    told = {"format": 1, "name": "x", "space": space, "genome": [0]}
    hub.commit("some/one", "main", {"architecture.json": json.dumps(told).encode()})
    with pytest.raises(SpecError):
        evo_nas.load("hf://some/one", trust_code=True)


def test_files_for_other_programs_stay_there(hub: FakeHub, folder: Path) -> None:
    hub.put("me/found", folder)
    hub.commit("me/found", "main", {"model.onnx": b"large", "model.pt2": b"large"})
    evo_nas.load("hf://me/found")
    assert not any(line.endswith((".onnx", ".pt2")) for line in hub.asked)


@pytest.mark.parametrize("name", ["hf://nobody", "hf://a/b/c", "hf://a/../b", "hf://", "hf://a/b@"])
def test_what_is_no_address_is_told(name: str) -> None:
    with pytest.raises(HubError, match="is no address on the Hub"):
        evo_nas.load(name)


def test_what_is_not_there_is_told_in_one_line(hub: FakeHub) -> None:
    hub.commit("some/other", "main", {"config.json": b"{}"})
    for name, why in (
        ("hf://no/body", "cannot be loaded"),
        ("hf://some/other@gone", "cannot be loaded"),
        ("hf://some/other", "is no model folder of evo-nas"),
    ):
        with pytest.raises(HubError, match=why) as caught:
            evo_nas.load(name)
        assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_whole_is_not_uploaded(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "architecture.json").write_text("{}")
    with pytest.raises(HubError, match=r"has no model\.safetensors"):
        evo_nas.push_to_hub(tmp_path, "me/half")
    assert not hub.created


@pytest.mark.slow
def test_the_command_exports_and_uploads(
    hub: FakeHub, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = folder.parent / "trained.safetensors", tmp_path / "new"
    assert not command_line(
        "export", weights, "--out", out, "--push-to", "me/new", "--license", "mit"
    )
    assert capsys.readouterr().out.splitlines()[-1].startswith("hf://me/new@")
    assert 'license: "mit"' in (out / "README.md").read_text()
    assert command_line("export", weights, "--format", "safetensors", "--push-to", "me/new") == 2
    assert "add --format folder" in " ".join(capsys.readouterr().err.split())


def test_the_head_of_a_card_is_what_the_hub_reads(folder: Path) -> None:
    hugging_face = pytest.importorskip("huggingface_hub")
    card = hugging_face.ModelCard.load(folder / "README.md")
    assert card.data.library_name == "evo-nas"
    assert card.data.license is None
    assert card.data.tags[:2] == ["evo-nas", "image-classification"]


def test_addresses_are_written_as_they_are_read() -> None:
    assert parse_address("a/b@c") == Address("a/b", "c")
    assert str(Address("a/b", "c")) == "hf://a/b@c"
    assert parse_address(str(Address("a/b", None))) == Address("a/b", None)
