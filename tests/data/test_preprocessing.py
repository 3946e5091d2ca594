"""One description: what training reads, what is told of it, and what others make of that."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor

from evo_nas.core.plugins import registry
from evo_nas.data.format import Format
from evo_nas.data.images import prepare
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import DataError, PictureError
from evo_nas.training.batches import Batches
from tests.kit.images import Image, encoded, write_pictures


def trained_on(folder: Path, size: int, options: str = "") -> tuple[Preprocessing, Tensor]:
    """The description of a network of that ``size``, and what it saw, in order of files."""
    data = registry.load("data", f"{folder}?validation=3{options}").load(0)
    found = Preprocessing(size, data.train.shape[0], data.mean, data.std, data.reading)
    shutil.copytree(folder / "train", folder / "test")
    source = registry.load("data", f"{folder}?validation=3{options}")
    batches = Batches(source.test(), data, size)
    rows = torch.arange(len(batches))
    return found, torch.cat([images for images, _ in batches.epoch([rows])])


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "train").rglob("*") if path.is_file())


def by_the_words(picture: Any, told: dict[str, Any]) -> Tensor:
    """Follow preprocessing.json, by nothing but Pillow and PyTorch."""
    picture = picture.convert("L" if told["channels"] == 1 else "RGB")
    if told["crop"] == "middle square" and told["crop_share"]:
        side = min(picture.size) * told["crop_share"]
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        how = {"bicubic": Image.Resampling.BICUBIC}[told["interpolation"]]
        box = (left, top, left + side, top + side)
        picture = picture.resize([told["read_size"]] * 2, how, box=box)
    pixels = torch.tensor(np.array(picture).reshape(*picture.size[::-1], -1)).permute(2, 0, 1)
    images = pixels[None].float()
    if told["read_size"] != told["image_size"]:
        size = [told["image_size"]] * 2
        images = F.interpolate(images, size, mode="bilinear", antialias=True)
    mean, std = (torch.tensor(told[key]).view(-1, 1, 1) for key in ("mean", "std"))
    return (images / 255 - mean) / std


def by_timm_rule(picture: Any, config: dict[str, Any]) -> Tensor:
    """What timm documents of evaluation, as torchvision does it: in whole pixels."""
    channels, size, _ = config["input_size"]
    picture = picture.convert("L" if channels == 1 else "RGB")
    assert config["crop_mode"] == "center"
    shorter, longer = math.floor(size / config["crop_pct"]), max(picture.size)
    longer = int(shorter * longer / min(picture.size))
    wide = picture.width > picture.height
    how = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    picture = picture.resize(
        (longer, shorter) if wide else (shorter, longer), how[config["interpolation"]]
    )
    left, top = (round((side - size) / 2) for side in picture.size)
    picture = picture.crop((left, top, left + size, top + size))
    pixels: npt.NDArray[Any] = np.array(picture).reshape(size, size, -1) / 255
    return torch.tensor((pixels - config["mean"]) / config["std"]).permute(2, 0, 1)[None].float()


WIDE, MIXED = [(64, 32)], [(64, 32), (30, 45), (61, 33), (24, 24)]


@pytest.mark.parametrize("sizes", [WIDE, MIXED], ids=["wide", "mixed"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("size", "options"),
    [
        (32, "&image_size=32"),
        (24, "&image_size=24&crop_share=0.875"),
        (29, "&image_size=29&crop_share=0.6"),
        (16, "&image_size=24&mean=0.5&std=0.25"),
        (40, "&image_size=24&stored=true&workers=0"),
    ],
)
def test_what_is_told_gives_what_was_trained_on(
    tmp_path: Path, sizes: Any, mode: str, size: int, options: str
) -> None:
    if mode == "RGB":
        options = options.replace("=0.5&", "=0.5,0.4,0.3&").replace("=0.25", "=0.25,0.2,0.3")
    write_pictures(tmp_path / "train", 4, sizes=sizes, ending="png", mode=mode)
    found, seen = trained_on(tmp_path, size, options)
    told = json.loads(json.dumps(found.facts))
    assert found.apply(*files(tmp_path)).equal(seen)
    for path, images in zip(files(tmp_path), seen, strict=True):
        with Image.open(path) as picture:
            assert found.apply(picture).equal(images[None])
            torch.testing.assert_close(by_the_words(picture, told), images[None])
            if told["read_size"] != size:
                continue  # twice resized: timm has no words for it
            as_timm = by_timm_rule(picture, found.config)
            squashed = prepare_squashed(picture, found)
            off, wrong = ((each - images).abs().mean() for each in (as_timm, squashed))
            if sizes == WIDE and told["crop_share"] == 1:
                assert off < 1e-5  # no fraction of a pixel is lost
            elif path.stem[-1] != "3":  # the square one cannot be squashed
                assert off < 0.9 * wrong  # noise, moved by less than a pixel


def prepare_squashed(picture: Any, found: Preprocessing) -> Tensor:
    """The whole picture, its proportions lost."""
    square = picture.resize((found.image_size,) * 2, Image.Resampling.BICUBIC)
    return Preprocessing(found.image_size, found.channels, found.mean, found.std).apply(square)


def test_timm_reads_the_config_as_it_is_meant(tmp_path: Path) -> None:
    timm_data = pytest.importorskip("timm.data")
    write_pictures(tmp_path / "train", 4, sizes=WIDE, ending="png")
    found, seen = trained_on(tmp_path, 32, "&image_size=32")
    network: Any = torch.nn.Identity()
    network.pretrained_cfg = found.config
    config = timm_data.resolve_model_data_config(network)
    transform = timm_data.create_transform(**config, is_training=False)
    for path, images in zip(files(tmp_path), seen, strict=True):
        with Image.open(path) as picture:
            torch.testing.assert_close(transform(picture.convert("RGB")), images)


def test_pixels_of_other_proportions_lose_their_edges_as_pictures_do() -> None:
    pixels = torch.randint(0, 256, (2, 3, 21, 40), dtype=torch.uint8)
    expected = prepare(pixels[..., 9:30], (0.5,) * 3, (0.2,) * 3, 16)
    assert prepare(pixels, (0.5,) * 3, (0.2,) * 3, 16).equal(expected)
    tall = prepare(pixels.transpose(2, 3), (0.5,) * 3, (0.2,) * 3, 16)
    assert tall.equal(prepare(pixels.transpose(2, 3)[:, :, 9:30], (0.5,) * 3, (0.2,) * 3, 16))


def test_pictures_come_as_paths_as_bytes_and_open() -> None:
    found = Preprocessing(8, 1, (0.5,), (0.25,), Format(8, 1))
    content = encoded(Image.new("RGB", (30, 20), (255, 255, 255)))
    assert found.apply(content, content).shape == (2, 1, 8, 8)
    assert (found.apply(content) == 2).all()
    with pytest.raises(PictureError, match="picture in memory cannot be decoded"):
        found.apply(b"no picture")
    with pytest.raises(DataError, match=r"missing\.png cannot be read"):
        found.apply("missing.png")
    with pytest.raises(DataError, match="a list is no picture; give paths"):
        found.apply([content])
    with pytest.raises(DataError, match="no picture is given"):
        found.apply()
    with pytest.raises(DataError, match="the network reads 4 channels"):
        Preprocessing(8, 4, (0.5,) * 4, (0.25,) * 4).apply(content)


@pytest.mark.parametrize("reading", ["pixels", "unknown"])
def test_where_no_picture_was_read_the_middle_square_is_taken(reading: Any) -> None:
    found = Preprocessing(16, 1, (0.5,), (0.25,), reading)
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    digit = torch.tensor(noise)[None, None]
    expected = prepare(digit, (0.5,), (0.25,), 16)
    assert found.apply(Image.fromarray(noise)).equal(expected)
    wide = Image.fromarray(np.pad(noise, ((0, 0), (5, 5))))
    assert found.apply(wide).equal(expected)
    assert "crop_pct" not in found.config if reading == "unknown" else found.config["crop_pct"] == 1


def test_the_words_tell_all() -> None:
    found = Preprocessing(48, 1, (0.5,), (0.25,), Format(32, 1, 0.875, "black"))
    assert found.steps == (
        "turned upright as EXIF says",
        "of more than 8 bits: the range of the file's format becomes 0..255 (0..65535, where it "
        "has 16 bits)",
        "what is transparent: laid on black",
        "converted to grey (0.299 red + 0.587 green + 0.114 blue)",
        "the middle square, 0.875 of the shorter side, resized to 32x32 pixels, bicubic with "
        "antialiasing",
        "resized once more, to 48x48 pixels, bilinear with antialiasing",
        "(pixel / 255 - mean) / std, by channel",
    )
    assert str(found) == "; ".join(found.steps[4:6])
    json.dumps(found.facts)
