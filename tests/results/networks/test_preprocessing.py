"""How pictures are read stands the same in weights, card, JSON, metadata and loaded networks."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import evo_nas
from evo_nas.data.format import Format, Range
from evo_nas.results.networks.earlier import earlier_reading
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.trained import Trained, load_trained
from evo_nas.space.space import Geometry
from evo_nas.training.weights import describe_weights, read_description, save_weights
from tests.kit.images import Image
from tests.kit.networks import trained

READING = Format(10, 1, 0.875, "black", Range(0, 4095, clips=True), ("deep", "transparent"))
WORDS = [
    "turned upright as EXIF says",
    "of more than 8 bits: 0..4095 become 0..255, what lies beyond is clipped",
    "what is transparent: laid on black",
    "the middle square, 0.875 of the shorter side, resized to 10x10 pixels, bicubic",
    "resized once more, to 8x8 pixels, bilinear",
]


@pytest.fixture
def network(tmp_path: Path) -> Trained:
    """Weights that say how pictures were read."""
    plain = trained(tmp_path, "mobilenet")
    about = replace(plain.about, reading=READING)
    save_weights(tmp_path / "w.safetensors", plain.network.state_dict(), describe_weights(about))
    assert read_description(tmp_path / "w.safetensors") == about
    return load_trained(str(tmp_path / "w.safetensors"))


@pytest.mark.slow
@torch.no_grad()
def test_all_that_leaves_tells_the_same(network: Trained, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    found = export(network, Wish(("folder", "onnx")), tmp_path / "out").path
    card = " ".join((found / "README.md").read_text().split())
    told = json.loads((found / "preprocessing.json").read_text())
    for words in WORDS:
        assert words in card
        assert any(words in step for step in told["steps"])
    assert (told["crop_share"], told["read_size"], told["image_size"]) == (0.875, 10, 8)
    (entry,) = onnx.load(found / "model.onnx").metadata_props
    assert json.loads(entry.value)["preprocessing"] == told
    again: Any = evo_nas.load(found)
    config = again.pretrained_cfg
    assert (config["crop_pct"], config["crop_mode"]) == (0.875, "center")
    assert config["interpolation"] == "bicubic"
    assert again.preprocessing == network.about.preprocessing
    assert json.loads(json.dumps(asdict(again.preprocessing)["reading"])) == told["reading"]
    save_weights(tmp_path / "bare.safetensors", network.network.state_dict())
    bare: Any = evo_nas.load(found, tmp_path / "bare.safetensors")  # the folder tells of them
    assert bare.preprocessing == network.about.preprocessing
    numbers = np.random.default_rng(0).integers(0, 5000, (20, 30)).astype(np.uint16)
    Image.fromarray(numbers).save(tmp_path / "deep.png")
    images = again.preprocessing.apply(tmp_path / "deep.png")
    assert images.equal(network.about.preprocessing.apply(tmp_path / "deep.png"))
    torch.testing.assert_close(again(images), network.network(images), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, Format(8, 1, 1.0, "none", revision=1)),
        ("pictures", Format(8, 1, 1.0, "none", revision=1)),
        ("/a/b?image_size=32&crop_share=0.875", Format(32, 1, 0.875, "none", revision=1)),
        ("digits?train=100", "pixels"),
        ("mine.py:Source?image_size=32", "pixels"),
        ("pictures?image_size=many", "unknown"),
    ],
)
def test_weights_of_0_1_0_are_read_as_it_read_pictures(data: Any, expected: Any) -> None:
    assert earlier_reading(Geometry(8, 1, 10), data) == expected


def without_reading(network: Trained, folder: Path, **metadata: str) -> Path:
    told = json.loads(describe_weights(network.about)["architecture"])
    del told["reading"]
    metadata = {"architecture": json.dumps(told)} | metadata
    save_weights(folder / "old.safetensors", network.network.state_dict(), metadata)
    return folder / "old.safetensors"


def test_the_data_that_weights_of_0_1_0_name_tell_of_their_reading(
    network: Trained, tmp_path: Path
) -> None:
    bare = load_trained(str(without_reading(network, tmp_path))).about.preprocessing
    assert bare.reading == Format(8, 1, 1.0, "none", revision=1)
    assert "as evo-nas 0.1.0 did: what has more than 8 bits is clipped at 255" in bare.steps[0]
    measured = json.dumps({"data": "/gone/pictures?crop_share=0.5", "seed": 0})
    named = load_trained(str(without_reading(network, tmp_path, measured=measured)))
    assert named.about.preprocessing.config["crop_pct"] == 0.5
    deep = np.full((20, 30), 300, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert named.about.preprocessing.apply(tmp_path / "deep.png").max() == 3  # clipped: white


def test_weights_of_others_do_not_say_how_pictures_were_read(network: Trained) -> None:
    about = replace(network.about, mean=(), std=(), reading="unknown")
    assert "crop_pct" not in about.preprocessing.config  # timm has a default
    assert about.preprocessing.steps[0].startswith("how pictures became pixels is not known")
