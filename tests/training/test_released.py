import argparse
import pickle

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from safetensors.torch import load_file, save_file
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.errors import CheckpointError, RunError
from evo_nas.training.weights import convert, read_state_dict
from tests.kit.loading import shared_file


def released_weights():
    """Random weights under the names and shapes of the authors' released GLiT-Tiny."""
    torch.manual_seed(0)
    weights = {}
    for line in (
        shared_file("reference/glit_tiny_released_state_dict.tsv").read_text().splitlines()[1:]
    ):
        name, shape, kind = line.split("\t")
        size = [int(length) for length in shape.strip("[]").split(",") if length.strip()]
        weights[name] = torch.randn(size) * 0.05 if kind == "float32" else torch.tensor(7)
        if name.endswith("running_var") or ("norm" in name and name.endswith("weight")):
            weights[name] = torch.rand(size) + 0.5
    return weights


def independent_logits(weights, images):
    """GLiT-Tiny, straight from a state dict."""

    def norm(x, name):
        return F.layer_norm(x, (192,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    def linear(x, name):
        return x @ weights[f"{name}.weight"].flatten(1).T + weights[f"{name}.bias"]

    def attention(x, name):
        heads = x.shape[-1] // 64
        qkv = linear(x, f"{name}.qkv").unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].transpose(2, 3) / qkv.shape[-1] ** 0.5
        return linear((scores.softmax(-1) @ qkv[2]).transpose(1, 2).flatten(2), f"{name}.proj")

    def convolution(x, name):
        left, right = linear(x, f"{name}.net.1").chunk(2, dim=-1)
        x = (left * right.sigmoid()).transpose(1, 2)
        kernel, bias = weights[f"{name}.net.3.conv.weight"], weights[f"{name}.net.3.conv.bias"]
        x = F.conv1d(x, kernel, bias, padding=kernel.shape[-1] // 2, groups=len(kernel))
        x = x.transpose(1, 2)
        batch_norm = {k: weights[f"{name}.net.4.{k}"] for k in ("weight", "bias")}
        mean, var = (weights[f"{name}.net.4.running_{k}"] for k in ("mean", "var"))
        x = (x - mean) / (var + 1e-5).sqrt() * batch_norm["weight"] + batch_norm["bias"]
        return linear(x * x.sigmoid(), f"{name}.net.6")

    patches = images.unfold(2, 16, 16).unfold(3, 16, 16)  # batch, channels, rows, columns, 16, 16
    patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    x = linear(patches, "patch_embed.proj")
    x = torch.cat((weights["cls_token"].expand(len(x), 1, 192), x), 1) + weights["pos_embed"]
    for block in range(12):
        name = f"blocks.{block}.0"
        normed, parts = norm(x, f"{name}.norm1"), []
        share = weights.get(f"{name}.attn.qkv.weight", torch.zeros(0, 0)).shape[1]
        if share:
            parts.append(attention(normed[..., :share], f"{name}.attn"))
        if share < 192:
            parts.append(convolution(normed[..., share:], f"{name}.attn"))
        x = x + torch.cat(parts, -1)
        hidden = F.gelu(linear(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
        x = x + linear(hidden, f"{name}.mlp.fc2")
    return linear(norm(x, "norm")[:, 0], "head")


def test_released_weights_give_the_same_logits(tmp_path):
    weights = released_weights()
    source, target = tmp_path / "glit_tiny.pth", tmp_path / "glit_tiny.safetensors"
    torch.save({"model": weights, "args": argparse.Namespace(lr=5e-4), "epoch": 299}, source)
    architecture = registry.load("network", "glit_tiny")
    glit = registry.load("space", architecture.space)
    network = glit.build(architecture.genome, glit.target).eval()
    convert(network, source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]
    network.load_state_dict(load_file(target), strict=True)
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = independent_logits(weights, images)
        torch.testing.assert_close(network(images), expected, atol=1e-4, rtol=1e-4)
        assert (expected[0] - expected[1]).std() > 0.1  # the images matter, not the biases alone


SMALL = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


@pytest.mark.parametrize("key", ["model", "state_dict", None, "safetensors"])
def test_where_the_weights_may_be(tmp_path, key):
    path = tmp_path / ("weights.safetensors" if key == "safetensors" else "weights.pth")
    if key == "safetensors":
        save_file(SMALL, path)
    else:
        torch.save(SMALL if key is None else {key: SMALL, "epoch": 3}, path)
    found = read_state_dict(path)
    assert found.keys() == SMALL.keys()
    assert torch.equal(found["weight"], SMALL["weight"])


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"weight": torch.ones(2, 3)}, "lacks bias, which the network has"),
        ({**SMALL, "extra": torch.ones(1)}, "has extra, which the network lacks"),
        ({**SMALL, "weight": torch.ones(3, 2)}, r"weight is \(3, 2\), the network's is \(2, 3\)"),
        ({**SMALL, "bias": torch.zeros(2, dtype=torch.int64)}, "bias is torch.int64"),
        ({"model": {}}, "no weights"),
        ({"model": {"weight": 3}}, "'weight' is int"),
        ([1, 2], "no weights"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tmp_path, weights, words):
    source, target = tmp_path / "weights.pth", tmp_path / "weights.safetensors"
    torch.save(weights, source)
    with pytest.raises(CheckpointError, match=words) as error:
        convert(nn.Linear(3, 2), source, target)
    assert "\n" not in str(error.value)
    assert not target.exists()


class Dangerous:
    def __reduce__(self):
        return (print, ("this ran",))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", pickle.dumps(Dangerous()), None])
def test_other_files_are_refused_and_no_code_in_them_is_run(tmp_path, capsys, suffix, content):
    path = tmp_path / f"weights{suffix}"
    if content is None:
        torch.save({"model": SMALL, "hook": Dangerous()}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no file of weights") as error:
        read_state_dict(path)
    assert "\n" not in str(error.value)
    assert "weights_only" not in str(error.value)  # advice that would run what is in it
    assert capsys.readouterr().out == ""


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        read_state_dict(tmp_path / "missing.pth")
    source = tmp_path / "weights.pth"
    torch.save(SMALL, source)
    with pytest.raises(RunError, match="cannot be written, there is no such folder"):
        convert(nn.Linear(3, 2), source, tmp_path / "missing" / "weights.safetensors")
