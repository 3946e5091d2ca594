"""Networks leave the tool: what is written computes what the network did, or is not there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import evo_nas
from evo_nas.cli import app as cli
from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.errors import CheckpointError, ExportError, SettingsError, SpaceError, SpecError
from evo_nas.results.networks import formats as export_formats
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.train import train_architecture
from evo_nas.results.networks.trained import Trained, load_trained
from evo_nas.results.result import Result
from evo_nas.space.space import Geometry
from evo_nas.training.weight_files import save_weights
from evo_nas.training.weights import Delivered, describe_weights
from tests.kit.loading import draw
from tests.kit.networks import STATISTICS, normalised, pixels
from tests.kit.spaces import shallow_toml

DATA = "digits?train=100&validation=50&test=50"
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


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run with three finalists, of next to no training; its folder's name has a space."""
    return evo_nas.run(
        "glit_hl", "1.4G", strategy="random", finalists=2, data=DATA, geometry="proxy,width=12",
        finalist_epochs=1, jobs=1, run_dir=tmp_path_factory.mktemp("runs") / "my run",
    )  # fmt: skip


def trained(folder: Path, spec: str, geometry: Geometry | None = None) -> Trained:
    """Some network of a space, with weights that differ from those of a fresh one."""
    space = registry.load("space", spec)
    genome = draw(space, 1)
    torch.manual_seed(1)
    geometry = geometry or space.proxy(8, 1, 10)
    network = space.build(genome, geometry)
    state = network.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.uniform_(-0.1, 0.1)
        elif tensor.ndim > 1:
            tensor.normal_(std=0.2)
    file = folder / "trained.safetensors"
    save_weights(
        file, state, describe_weights(Delivered(spec, genome, geometry, *STATISTICS, tuple("abc")))
    )
    return load_trained(str(file))


def shallow(folder: Path, local: str = "convolution", heads: str = "1") -> Trained:
    return written(folder, shallow_toml(local, heads))


def written(folder: Path, space: str) -> Trained:
    toml = folder / "shallow.toml"
    toml.write_text(space)
    spec = str(toml)
    return trained(folder, spec, registry.load("space", spec).target)


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
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


@pytest.mark.slow
@torch.no_grad()
@every_network
def test_programs_of_all_families_take_any_batch(
    make: Callable[[Path], Trained], tmp_path: Path
) -> None:
    network = make(tmp_path)
    found = export(network, Wish(("torch-export",)), tmp_path / "out.pt2")
    again = torch.export.load(found.path).module()
    for count in (1, 5):
        images = normalised(network, pixels(network, count))
        torch.testing.assert_close(again(images), network.network(images), rtol=1e-4, atol=1e-4)
    (parity,) = found.checks.values()
    assert parity.source == "random pixels"
    assert parity.batches == (1, 31)


@torch.no_grad()
@pytest.mark.parametrize(
    ("local", "heads"),
    [
        ("convolution", "1"),
        pytest.param("convolution_2d", "0", marks=pytest.mark.slow),
        pytest.param("window_attention", "1", marks=pytest.mark.slow),
    ],
)
def test_onnx_reads_pixels_or_images(
    local: str, heads: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    network = shallow(tmp_path, local, heads)
    wish = Wish(("onnx",), normalised=True)
    found = export(network, wish, tmp_path / "pixels.onnx")
    session = onnxruntime.InferenceSession(found.path.read_bytes())
    assert [session.get_inputs()[0].shape[0], session.get_outputs()[0].shape[0]] == ["batch"] * 2
    for count in (1, 4):
        images = pixels(network, count)
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        expected = network.network(normalised(network, images)).numpy()
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    about = json.loads(session.get_modelmeta().custom_metadata_map["evo_nas"])
    assert about["preprocessing"]["mean"] == [0.4]
    assert about["preprocessing"]["classes"] == ["a", "b", "c"]
    assert about["input"].startswith("uint8")
    beside = json.loads((tmp_path / "pixels.onnx.json").read_text())
    assert beside["check"]["largest_difference"] <= beside["check"]["allowed"]
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.mark.slow
@torch.no_grad()
@every_network
def test_onnx_of_all_families(make: Callable[[Path], Trained], tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    network = make(tmp_path)
    found = export(network, Wish(("onnx",)), tmp_path / "out.onnx")
    session = onnxruntime.InferenceSession(found.path.read_bytes())
    for count in (1, 5):
        images = normalised(network, pixels(network, count))
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        np.testing.assert_allclose(logits, network.network(images).numpy(), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_run_becomes_a_folder_that_loads_in_one_line(run: Result, tmp_path: Path) -> None:
    trained = load_trained(str(run.folder))
    found = export(trained, Wish(("folder", "torch-export")), tmp_path / "my model")
    assert sorted(path.name for path in found.path.iterdir()) == [
        "README.md", "architecture.json", "checks.json", "model.pt2", "model.safetensors",
        "preprocessing.json",
    ]  # fmt: skip
    assert {p.source for p in found.checks.values()} == {f"validation images of {DATA}"}
    network: Any = evo_nas.load(found.path)
    assert not network.training
    data = registry.load("data", DATA).load(0)
    assert network.pretrained_cfg == {
        "input_size": (1, 8, 8), "mean": data.mean, "std": data.std, "num_classes": 10,
        "label_names": data.classes,
    }  # fmt: skip
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


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    trained(tmp_path, "autoformer_tiny")
    with pytest.raises(CheckpointError, match="weights of another network than"):
        load_trained("autoformer_t", weights=tmp_path / "trained.safetensors")
    with pytest.raises(SettingsError, match=r"deit_tiny has no weights: .*evo-nas train deit_tiny"):
        evo_nas.load("deit_tiny")


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
