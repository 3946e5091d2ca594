"""Heat maps side by side, of networks that are named as users name them."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import evo_nas
from evo_nas.analysis.feature_figure import feature_figure
from evo_nas.core.plugins import registry
from evo_nas.errors import CheckpointError, DataError, EvoNasError, SettingsError
from evo_nas.results.networks.trained import load_trained
from evo_nas.results.result import Result
from evo_nas.space.space import Geometry
from evo_nas.training.weights import Delivered, describe_weights, read_description, save_weights
from tests.kit.command import command_line

Image = pytest.importorskip("PIL.Image")

DATA = "digits?train=100&validation=50&test=50"
SMALL = Geometry(16, 3, 10, patch_size=8, width=12, heads=3)


STATISTICS = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)  # mean and deviation of each channel


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run that delivers a network of the GLiT space, of next to no training."""
    return evo_nas.run(
        "glit_hl", "1.4G", strategy="largest", data=DATA, geometry="proxy,width=12",
        finalist_epochs=1, jobs=1, run_dir=tmp_path_factory.mktemp("runs") / "run",
    )  # fmt: skip


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of a small GLiT-Tiny that say what they are for."""
    architecture = registry.load("network", "glit_tiny")
    space = registry.load("space", architecture.space)
    torch.manual_seed(0)
    network = space.build(architecture.genome, SMALL)
    path = tmp_path / "weights.safetensors"
    about = describe_weights(Delivered(architecture.space, architecture.genome, SMALL, *STATISTICS))
    save_weights(path, network.state_dict(), about)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, size in zip(paths, ((40, 30, 3), (20, 20)), strict=True):
        Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)).save(path)
    return paths


def test_weights_say_what_they_are_for(weights: Path) -> None:
    about = read_description(weights)
    assert about is not None
    assert (about.geometry, about.mean, about.std) == (SMALL, *STATISTICS)
    trained = load_trained(f"glit_tiny={weights}")
    assert (trained.name, trained.about.mean) == ("GLiT-Tiny", STATISTICS[0])
    changed = load_trained(f"glit_tiny={weights}", mean=(0.5,) * 3, std=(0.5,) * 3)
    assert (changed.about.mean, changed.about.std) == ((0.5,) * 3, (0.5,) * 3)


def test_a_run_knows_its_images_also_where_its_weights_say_less(
    run: Result, tmp_path: Path
) -> None:
    trained = load_trained(str(run.folder))
    data = registry.load("data", run.config.data).load(run.config.seed)
    known = (run.config.geometry, data.mean, data.std)
    assert (trained.about.geometry, trained.about.mean, trained.about.std) == known
    old = shutil.copytree(run.folder, tmp_path / "old")
    save_weights(old / "best.safetensors", trained.network.state_dict())
    assert read_description(old / "best.safetensors") is None
    again = load_trained(str(old)).about
    assert (again.geometry, again.mean, again.std) == known


def test_rows_are_pictures_and_columns_are_networks(
    run: Result, weights: Path, pictures: list[Path]
) -> None:
    networks = [load_trained(f"glit_tiny={weights}"), load_trained(str(run.folder))]
    figure = feature_figure(networks, pictures)
    assert figure.size == (8 + 3 * 232, 26 + 2 * 232)
    pixels = np.asarray(figure).astype(int)
    cells = [[pixels[26 + 232 * r : 250 + 232 * r, 8 + 232 * c : 232 + 232 * c] for c in range(3)]
             for r in range(2)]  # fmt: skip
    assert (cells[1][0].max(axis=2) == cells[1][0].min(axis=2)).all()  # a grey picture
    for row in cells:
        for heat in row[1:]:
            assert heat.reshape(-1, 3).std(axis=0).min() > 1  # not of one colour
    assert (cells[0][1] != cells[0][2]).any()


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("glit_tiny", SettingsError, "ARCHITECTURE=WEIGHTS"),
        ("glit_tinny={weights}", EvoNasError, "did you mean glit_tiny"),
        ("deit_tiny={weights}", CheckpointError, "lacks|has|is"),
        ("glit_tiny=none.safetensors", CheckpointError, "there are no weights none.safetensors"),
    ],
)
def test_what_fits_nothing_is_said(
    what: str, error: type[Exception], said: str, weights: Path
) -> None:
    with pytest.raises(error, match=said):
        load_trained(what.format(weights=weights))


def test_how_images_are_normalised_must_be_known(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="3 channels, not 1"):
        load_trained(f"glit_tiny={weights}", mean=[0.5])
    silent, space = tmp_path / "silent.safetensors", registry.load("space", "glit_hl")
    with torch.device("meta"):
        network = space.build(registry.load("network", "deit_tiny").genome, space.target)
    shapes = {name: torch.zeros(t.shape) for name, t in network.state_dict().items()}
    save_weights(silent, shapes)
    with pytest.raises(SettingsError, match="give --mean and --std"):
        load_trained(f"deit_tiny={silent}")


def enormous(path: Path) -> None:
    """A small file that says to be a large picture."""
    Image.new("L", (2, 2)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 2**16, 2**16)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("no picture"), ""),
        (os.mkfifo, ": it is no regular file"),
        (enormous, ""),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(
    make: Callable[[Path], object], said: str, weights: Path, tmp_path: Path
) -> None:
    make(tmp_path / "no.png")
    with pytest.raises(DataError, match=rf"no\.png cannot be read{said}"):
        feature_figure([load_trained(f"glit_tiny={weights}")], [tmp_path / "no.png"])


def test_the_commands(
    weights: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, svg = tmp_path / "f.png", tmp_path / "n.svg"
    given = (*pictures, "--network", f"glit_tiny={weights}", "--out", out)
    assert command_line("figure", "features", *given) == 0
    with Image.open(out) as figure:
        assert figure.format == "PNG"
    assert command_line("figure", "network", "glit_tiny", "--out", svg) == 0
    assert "dk384" in svg.read_text()
    assert "dk384" in capsys.readouterr().out
    for wrong in (["--mean", "grey"], ["--std", "0,0,0"], ["--mean", "2"], ["--std", "0.5"]):
        assert command_line("figure", "features", *given, *wrong) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
