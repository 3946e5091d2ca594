"""Networks leave the tool: what is written computes what the network did, or is not there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import evo_nas
from evo_nas.cli import app as cli
from evo_nas.core.plugins import registry
from evo_nas.errors import ExportError
from evo_nas.results.networks import formats as export_formats
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.trained import Trained, load_trained
from evo_nas.results.result import Result
from evo_nas.space.space import Geometry
from evo_nas.training.weights import Delivered, describe_weights, save_weights
from tests.kit.networks import DATA, STATISTICS, normalised, pixels, trained
from tests.kit.spaces import shallow_toml

AUTOFORMER = """
family = "autoformer"
widths = [24, 32]
depths = [1, 2]
[target]
image_size = 16
patch_size = 4
classes = 5
channels = 1
[options]
heads = [1, 2]
mlp_ratio = [1.5, 3]
"""


def shallow(folder: Path, local: str = "convolution", heads: str = "1") -> Trained:
    return written(folder, shallow_toml(local, heads))


def written(folder: Path, space: str) -> Trained:
    toml = folder / "shallow.toml"
    toml.write_text(space)
    return trained(folder, str(toml), at_target=True)


def published(folder: Path) -> Trained:
    """GLiT-Tiny as its authors released it, but narrow."""
    architecture = registry.load("network", "glit_tiny")
    geometry = Geometry(16, 1, 10, patch_size=8, width=24, heads=6)
    space = registry.load("space", architecture.space)
    torch.manual_seed(0)
    state = space.build(architecture.genome, geometry).state_dict()
    about = describe_weights(
        Delivered(architecture.space, architecture.genome, geometry, *STATISTICS)
    )
    save_weights(folder / "w.safetensors", state, about)
    return load_trained("glit_tiny", weights=folder / "w.safetensors")


# Every kind of block, few of them: what an export takes grows with the depth. Networks of all
# twelve blocks are GLiT-Tiny and mobilenet's.
NETWORKS: dict[str, Callable[[Path], Trained]] = {
    "convolution": shallow,
    "convolution_2d": partial(shallow, local="convolution_2d", heads="0"),
    "window_attention": partial(shallow, local="window_attention"),
    "attention": partial(shallow, heads="3"),
    "autoformer": partial(written, space=AUTOFORMER),
    "mobilenet": partial(trained, spec="mobilenet"),
    "glit_tiny": published,
}


def onnx_runner(path: Path) -> Callable[[Tensor], Tensor]:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    session = onnxruntime.InferenceSession(path.read_bytes())
    return lambda images: torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])


def program_runner(path: Path) -> Callable[[Tensor], Tensor]:
    return torch.export.load(path).module()


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize(
    ("kind", "suffix", "runner"),
    [("torch-export", ".pt2", program_runner), ("onnx", ".onnx", onnx_runner)],
)
def test_networks_of_all_families_take_any_batch(
    kind: str,
    suffix: str,
    runner: Callable[[Path], Callable[[Tensor], Tensor]],
    make: Callable[[Path], Trained],
    tmp_path: Path,
) -> None:
    network = make(tmp_path)
    found = export(network, Wish((kind,)), tmp_path / f"out{suffix}")
    again = runner(found.path)
    for count in (1, 5):
        images = normalised(network, pixels(network, count))
        torch.testing.assert_close(again(images), network.network(images), rtol=1e-4, atol=1e-4)
    (parity,) = found.checks.values()
    assert parity.source == "random pixels"
    assert parity.batches == (1, 31)


@pytest.mark.slow
@torch.no_grad()
def test_onnx_reads_pixels_or_images(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    network = shallow(tmp_path)
    found = export(network, Wish(("onnx",), normalised=True), tmp_path / "pixels.onnx")
    session = onnxruntime.InferenceSession(found.path.read_bytes())
    assert [session.get_inputs()[0].shape[0], session.get_outputs()[0].shape[0]] == ["batch"] * 2
    again = onnx_runner(found.path)
    for count in (1, 4):
        images = pixels(network, count)
        expected = network.network(normalised(network, images))
        torch.testing.assert_close(again(images), expected, rtol=1e-4, atol=1e-4)
    about = json.loads(session.get_modelmeta().custom_metadata_map["evo_nas"])
    assert about["preprocessing"]["mean"] == [0.4]
    assert about["preprocessing"]["classes"] == ["a", "b", "c"]
    assert about["input"].startswith("uint8")
    beside = json.loads((tmp_path / "pixels.onnx.json").read_text())
    assert beside["check"]["largest_difference"] <= beside["check"]["allowed"]
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@torch.no_grad()
def test_a_run_becomes_a_folder_that_loads_in_one_line(run: Result, tmp_path: Path) -> None:
    trained = load_trained(str(run.folder))
    found = export(trained, Wish(), tmp_path / "my model")
    network: Any = evo_nas.load(found.path)
    assert not network.training
    data = registry.load("data", DATA).load(0)
    assert network.pretrained_cfg == {
        "input_size": (1, 8, 8), "mean": data.mean, "std": data.std, "num_classes": 10,
        "label_names": data.classes, "crop_pct": 1.0, "crop_mode": "center",
        "interpolation": "bilinear", "classifier": network.classifier,
    }  # fmt: skip
    assert isinstance(network.get_submodule(network.pretrained_cfg["classifier"]), nn.Linear)
    images = normalised(trained, data.validation.pixels)
    for other in (network, evo_nas.load(run.folder)):
        torch.testing.assert_close(other(images), trained.network(images), rtol=0, atol=0)
    card = (found.path / "README.md").read_text()
    assert run.best is not None
    assert f"{run.best['measured']['test_accuracy']:.4f}" in card
    assert f"{run.best['target']['flops']:,}" in card
    assert "evo-nas run" in card
    assert data.fingerprint in card
    tuned: Any = evo_nas.load(found.path, num_classes=3)
    assert tuned(images).shape == (50, 3)


@pytest.mark.slow
def test_a_folder_holds_other_formats_as_well(run: Result, tmp_path: Path) -> None:
    wish = Wish(("folder", "torch-export"))
    found = export(load_trained(str(run.folder)), wish, tmp_path / "my model")
    assert sorted(path.name for path in found.path.iterdir()) == [
        "README.md", "architecture.json", "checks.json", "model.pt2", "model.safetensors",
        "preprocessing.json",
    ]  # fmt: skip
    assert {p.source for p in found.checks.values()} == {f"validation images of {DATA}"}


@torch.no_grad()
def test_a_folder_carries_the_toml_file_of_its_space(tmp_path: Path) -> None:
    network = shallow(tmp_path)
    found = export(network, Wish(), tmp_path / "out")
    (tmp_path / "shallow.toml").unlink()
    found.path.rename(tmp_path / "elsewhere")
    images = normalised(network, pixels(network, 2))
    again = evo_nas.load(tmp_path / "elsewhere")
    torch.testing.assert_close(again(images), network.network(images), rtol=0, atol=0)
    assert "space.toml" in (tmp_path / "elsewhere" / "README.md").read_text()
    for file in ("architecture.json", "model.safetensors"):
        assert str(tmp_path).encode() not in (tmp_path / "elsewhere" / file).read_bytes()


class Shifted(nn.Sequential):
    """Computes something else when it is exported than otherwise."""

    def forward(self, images: Tensor) -> Tensor:
        shift = 1.0 if torch.compiler.is_compiling() else 0.0
        return super().forward(images) + shift  # type: ignore[no-any-return, no-untyped-call]


class Unexportable(nn.Sequential):
    """Looks at the pixels to decide what to do."""

    def forward(self, images: Tensor) -> Tensor:
        factor = 1 if images.sum() > 0 else 2
        return super().forward(images) * factor  # type: ignore[no-any-return, no-untyped-call]


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Shifted, "computes something else, so it is not kept: largest difference 1 "),
     (Unexportable, "cannot be exported as torch-export: ")],
)  # fmt: skip
@pytest.mark.parametrize("formats", [("torch-export",), ("folder", "torch-export")])
def test_what_is_not_the_network_is_not_left(
    kind: Any, said: str, formats: Sequence[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    network = trained(tmp_path, "tests.kit.plugins:Tiny")
    wrong = dataclasses.replace(network, network=kind(*network.network.children()).eval())
    before = sorted(tmp_path.iterdir())
    out = tmp_path / ("out" if "folder" in formats else "out.pt2")
    with pytest.raises(ExportError, match=said):
        export(wrong, Wish(formats), out)
    assert sorted(tmp_path.iterdir()) == before
    assert capfd.readouterr().err == ""


def test_without_the_extra_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ExportError, match=r"onnxscript: pip install 'evo-nas\[export\]'"):
        export_formats.check_onnx()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{run}", "--format", "onyx"], "unknown format 'onyx'; did you mean onnx?"),
        (["{run}", "--format", "onnx", "--format", "safetensors"], "add --format folder"),
        (["{run}", "--format", "safetensors", "--with-normalisation"], "weights alone"),
        (["{run}", "--out", "{tmp}/there"], "there exists; choose another --out"),
        (["{run}", "--out", "{tmp}/none/out"], "there is no folder"),
        (["{run}", "--images", "1"], "at least 3"),
        (["{run}", "--tolerance", "0"], "above 0"),
        (["{run}", "--tolerance", "inf"], "above 0"),
        (
            ["{run}", "--format", "onnx", "--out", "{tmp}/x.txt"],
            "format onnx; give --out {tmp}/x.onnx",
        ),
        (["{run}", "--format", "onnx", "--out", "{tmp}/x.pt2"], "give --out {tmp}/x.onnx"),
        (
            ["{run}", "--format", "safetensors", "--out", "{tmp}/x"],
            "give --out {tmp}/x.safetensors",
        ),
        (["{run}", "--out", "{tmp}/x.onnx"], "x.onnx would be a folder; give it another --out, or"),
        (["glit_tiny"], "glit_tiny has no weights"),
        (["glit_tiny", "--weights", "{tmp}/none.safetensors"], "there are no weights"),
        (["{tmp}"], "is no run folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], said: str, run: Result, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "there").mkdir()
    given = [argument.format(run=run.folder, tmp=tmp_path) for argument in arguments]
    monkeypatch.setattr("sys.argv", ["evo-nas", "export", *given])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said.format(tmp=tmp_path) in error
    assert len(error.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_the_command_prints_and_keeps_the_check(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a b.safetensors"
    given = [str(run.folder), "--format", "safetensors", "--out", str(out), "--json"]
    monkeypatch.setattr("sys.argv", ["evo-nas", "export", *given])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == str(out)
    assert document["checks"]["a b.safetensors"]["agreement"] == 1
    kept = json.loads((tmp_path / "a b.safetensors.json").read_text())
    assert kept["check"] == document["checks"]["a b.safetensors"]
    again = load_trained(str(out))
    assert again.about.geometry == run.config.geometry
