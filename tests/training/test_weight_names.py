"""Weights as others save them: under longer names, wrapped, for other classes, in any file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from evo_nas.errors import CheckpointError
from evo_nas.training.checkpoints import save_checkpoint
from evo_nas.training.weight_names import check_weights, classes_of, named_for
from evo_nas.training.weights import (
    convert,
    read_description,
    read_state_dict,
    save_weights,
    weights_file,
)


def small(classes: int = 3) -> nn.Module:
    torch.manual_seed(classes)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, classes))


def check_same(found: dict[str, Tensor], network: nn.Module) -> None:
    check_weights(network, found, "x")
    for name, tensor in network.state_dict().items():
        assert torch.equal(found[name], tensor), name


@given(
    st.lists(
        st.sampled_from(["module", "_orig_mod", "model", "net", "network", "backbone", "0"]),
        max_size=3,
    )
)
def test_words_in_front_are_understood(words: list[str]) -> None:
    network = small()
    weights = {".".join([*words, name]): t for name, t in network.state_dict().items()}
    check_same(named_for(network, weights), network)


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel, torch.optim.swa_utils.AveragedModel,
        pytest.param(torch.compile, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_what_wraps_a_network_is_seen_through(wrap: Any) -> None:
    network = small()
    check_same(named_for(network, wrap(network).state_dict()), network)


def test_so_is_what_wraps_a_part_of_it() -> None:
    network = small()
    expected = small()
    network[0] = torch.compile(network[0])
    network[2] = nn.DataParallel(network[2])
    names = {name.partition(".")[2] for name in network.state_dict()}
    assert {"_orig_mod.weight", "module.weight"} <= names
    check_same(named_for(expected, network.state_dict()), expected)


class Wrapped(nn.Module):
    """One whose own part is called as wrappers call it."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Linear(2, 2)
        self.head = nn.Linear(2, 2)


def test_names_of_the_network_are_its_own() -> None:
    network = Wrapped()
    for weights in (network.state_dict(), nn.DataParallel(network).state_dict()):
        check_same(named_for(network, weights), network)


def test_batch_norms_of_long_ago_counted_nothing() -> None:
    network = small()
    weights = {n: t for n, t in network.state_dict().items() if "num_batches" not in n}
    check_same(named_for(network, weights), network)


def test_what_is_beside_the_weights_is_told() -> None:
    network = small()
    weights = {f"model.{name}": t for name, t in network.state_dict().items()}
    found = named_for(network, {**weights, "criterion.weight": torch.ones(3)})
    with pytest.raises(CheckpointError, match=r"x lacks 0\.weight, which the network has"):
        check_weights(network, found, "x")


def test_other_classes_are_told_by_shapes() -> None:
    network = small(3)
    assert classes_of(network, small(3).state_dict(), 3) == 3
    assert classes_of(network, small(7).state_dict(), 3) == 7
    wider = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 7)).state_dict()
    assert classes_of(network, wider, 3) == 3


KEYS = ["state_dict", "model", "model_state_dict", "state_dict_ema", "model_ema", "weights"]


@pytest.mark.parametrize("key", [*KEYS, None])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt", ".safetensors", ""])
def test_torch_files_are_read_whatever_they_are_called(
    tmp_path: Path, key: str | None, suffix: str
) -> None:
    network, path = small(), tmp_path / f"weights{suffix}"
    state = network.state_dict()
    torch.save(state if key is None else {key: state, "epoch": 3, "optimizer": {"s": {}}}, path)
    check_same(read_state_dict(path), network)
    assert read_description(path) is None  # it says nothing of itself


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ""])
def test_so_are_safetensors(tmp_path: Path, suffix: str) -> None:
    network, path = small(), tmp_path / f"weights{suffix}"
    save_file(network.state_dict(), path)
    check_same(read_state_dict(path), network)
    save_weights(path, network.state_dict(), {"a": "b"})
    check_same(read_state_dict(path), network)


def test_two_networks_in_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"state_dict": small().state_dict(), "state_dict_ema": small().state_dict()}, path)
    with pytest.raises(
        CheckpointError, match="several times, as 'state_dict' and 'state_dict_ema'"
    ):
        read_state_dict(path)


def test_a_checkpoint_is_no_file_of_weights(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "w.pth", {"network": small().state_dict()})
    with pytest.raises(CheckpointError, match=r"is a checkpoint of a training .* goes on"):
        read_state_dict(tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("cut", [0, 5, 100, -20])
def test_damaged_files_of_others_are_named(tmp_path: Path, suffix: str, cut: int) -> None:
    path = tmp_path / f"theirs{suffix}"
    save_file(small().state_dict(), path) if suffix != ".pth" else torch.save(
        small().state_dict(), path
    )
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match=f"^[^\n]*{path}[^\n]*$") as raised:
        read_state_dict(path)
    assert "delete" not in str(raised.value)
    if suffix == ".pth":
        assert read_description(path) is None
        return
    with pytest.raises(CheckpointError, match="bring back what was written"):
        read_description(path)


def test_a_folder_stands_for_the_weights_in_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a folder without .* or pytorch"):
        weights_file(tmp_path)
    torch.save(small().state_dict(), tmp_path / "pytorch_model.bin")
    assert weights_file(tmp_path) == tmp_path / "pytorch_model.bin"
    save_file(small().state_dict(), tmp_path / "model.safetensors")
    assert weights_file(tmp_path) == tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    ("name", "save"), [("pytorch_model.bin", torch.save), ("model.safetensors", save_file)]
)
def test_weights_in_several_files_are_read_by_their_index(
    tmp_path: Path, name: str, save: Any
) -> None:
    network = small()
    stem, _, ending = name.partition(".")
    files = {
        key: f"{stem}-{number % 2}.{ending}" for number, key in enumerate(network.state_dict())
    }
    for file in set(files.values()):
        save({k: v for k, v in network.state_dict().items() if files[k] == file}, tmp_path / file)
    index = tmp_path / f"{name}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 7}, "weight_map": files}))
    assert weights_file(tmp_path) == index
    check_same(read_state_dict(index), network)
    assert read_description(index) is None
    (tmp_path / f"{stem}-1.{ending}").unlink()
    with pytest.raises(CheckpointError, match=rf"'{stem}-1\.{ending}', and there is no such file"):
        read_state_dict(index)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"weight_map": 1}', '{"weight_map": {"a": "../w.pth"}}',
             '{"weight_map": {"a": "x.index.json"}}', "{" * 9999]
)  # fmt: skip
def test_what_is_no_index_is_named(tmp_path: Path, text: str) -> None:
    index = tmp_path / "x.index.json"
    index.write_text(text)
    torch.save(small().state_dict(), tmp_path.parent / "w.pth")
    with pytest.raises(CheckpointError, match=r"x\.index\.json (is no index|names weights in)"):
        read_state_dict(index)


def test_other_files_say_nothing_of_themselves(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"abc": {"d": 1}}')  # whose ninth byte is that of safetensors
    assert read_description(path) is None


def test_half_precision_is_converted(tmp_path: Path) -> None:
    network = small()
    for kind in (torch.float16, torch.bfloat16):
        half = {name: tensor.to(kind) for name, tensor in network.state_dict().items()
                if tensor.is_floating_point()}  # fmt: skip
        torch.save(half, tmp_path / "half.pth")
        convert(network, tmp_path / "half.pth", tmp_path / f"{kind}.safetensors")
        again = small(3)
        again.load_state_dict(read_state_dict(tmp_path / f"{kind}.safetensors"))
        assert torch.equal(again[0].weight, half["0.weight"].float())
