"""What is found out about pictures before they are read, and what of it enters fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_nas.core.plugins import registry
from evo_nas.data.decode import decode
from evo_nas.data.folders.class_folders import list_folder
from evo_nas.data.format import Format, Range
from evo_nas.data.source import SearchData
from evo_nas.data.survey import Survey, Wishes, survey
from evo_nas.errors import DataError
from tests.kit.images import Image, encoded, write_parquet, write_pictures

GENERATOR = np.random.default_rng(0)


def shares() -> Any:
    """Values from 0 to 1, both of which occur."""
    found = GENERATOR.uniform(0, 1, (8, 8))
    found.flat[:2] = 0, 1
    return found


def write(folder: Path, *pictures: Any, kind: str = "tif", **options: Any) -> Path:
    """Some pictures in each of two classes."""
    for name in "ab":
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(pictures):
            image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
            image.save(folder / name / f"{number}-{kind}.{kind}", **options)
    return folder


def looked_at(folder: Path, **wishes: Any) -> Survey:
    table = list_folder(folder)
    return survey(table, np.arange(len(table)), Wishes(**wishes))


def load(folder: Path, options: str = "") -> SearchData:
    found = registry.load("data", f"{folder}?validation=3{options}").load(0)
    assert isinstance(found, SearchData)
    return found


@pytest.mark.parametrize(
    ("kind", "top", "expected"),
    [
        (np.float32, 1, 1),
        (np.float32, 0.3, 1),
        (np.float32, 1.0003, 1),
        (np.float32, 255, 255),
        (np.float32, 60000, 65535),
        (np.int32, 255, 255),
        (np.int32, 4095, 4095),
        (np.int32, 65535, 65535),
        (np.int32, 2**31 - 2, 2**31 - 1),
    ],
)
def test_the_smallest_usual_range_holds_for_all(
    tmp_path: Path, kind: Any, top: float, expected: float
) -> None:
    found = looked_at(write(tmp_path, (shares() * top).astype(kind), np.zeros((8, 8), kind)))
    assert found == Survey(Format(8, 1, values=Range(0, expected), kinds=("deep",)))


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (0, 0), (0, 0.01), (-1000, 3000), (0, 1e12), (0, 1e6)]
)
def test_what_has_no_usual_range_is_asked_for(tmp_path: Path, low: float, high: float) -> None:
    write(tmp_path, (shares() * (high - low) + low).astype(np.float32))
    with pytest.raises(DataError, match=rf"from {low} to .*add it, as in values={low}\.\.") as told:
        looked_at(tmp_path)
    assert "\n" not in str(told.value)
    assert looked_at(tmp_path, values=Range(low, 5)).format.values == Range(low, 5)


def test_16_bits_need_no_common_range_and_mix_with_8(tmp_path: Path) -> None:
    write(tmp_path, *[(shares() * 65535).astype(np.uint16)] * 3, kind="png")
    write(tmp_path, *[(shares() * 255).astype(np.uint8)] * 3, kind="bmp")
    assert looked_at(tmp_path) == Survey(Format(8, 1, kinds=("deep",)))
    data = load(tmp_path)
    pixels = data.train.load().pixels.float()
    assert ((pixels.mean((1, 2, 3)) - 127).abs() < 40).all()
    assert data.notes == ()


def test_16_bits_that_hold_fewer_are_noted(tmp_path: Path) -> None:
    write(tmp_path, *[(shares() * 255).astype(np.uint16) for _ in range(5)], kind="png")
    dark, constant = load(tmp_path).notes
    assert dark.endswith(
        "that have more than 8 bits are dark: their values reach 255 of 65535; values=0..255 would "
        "show more of them"
    )
    assert constant.startswith("5 of 5 pictures of ")
    bright = load(tmp_path, "&values=0..255")
    assert bright.notes == ()
    assert bright.train.load().pixels.float().std() > 60


@pytest.mark.parametrize("stored", ["false", "true"])
@pytest.mark.parametrize("background", ["white", "black", "none"])
def test_a_set_of_constant_pictures_is_noted(tmp_path: Path, background: str, stored: str) -> None:
    white = np.full((8, 8, 3), 255)
    drawings = [np.dstack([white, shares() * 255]).astype(np.uint8) for _ in range(5)]
    write(tmp_path, *drawings, kind="png")
    data = load(tmp_path, f"&background={background}&stored={stored}&mean=0.5,0.5,0.5&std=1,1,1")
    if background == "black":
        assert data.notes == ()
        assert data.train.load().pixels.float().std() > 60
    else:
        (note,) = data.notes
        assert "5 of 5 pictures" in note
        assert "constant" in note
        assert "background=" in note


def test_most_pictures_must_be_constant_for_a_note(tmp_path: Path) -> None:
    flat, drawn = np.zeros((8, 8), np.uint8), (shares() * 255).astype(np.uint8)
    write(tmp_path, *[drawn] * 3, *[flat] * 3, kind="png")
    assert load(tmp_path).notes == ()


@pytest.mark.parametrize("workers", [0, 2])
def test_stored_pictures_are_read_as_those_in_memory(tmp_path: Path, workers: int) -> None:
    told = Image.Exif()
    told[0x0112] = 6
    write(tmp_path, (shares() * 65535).astype(np.uint16), kind="png")
    write(tmp_path, (shares() * 255).astype(np.float32), kind="tif")
    write(tmp_path, np.dstack([shares() * 255] * 4).astype(np.uint8), kind="webp", lossless=True)
    write(tmp_path, np.dstack([shares() * 255] * 3).astype(np.uint8), kind="jpg", exif=told)
    in_memory = load(tmp_path).train.load()
    on_disk = load(tmp_path, f"&stored=true&workers={workers}").train
    assert on_disk.load().pixels.equal(in_memory.pixels)
    assert on_disk.load().labels.equal(in_memory.labels)


def test_only_what_is_read_otherwise_than_before_has_another_fingerprint(tmp_path: Path) -> None:
    plain = write_pictures(tmp_path / "plain", 6, sizes=[(16, 16)], ending="png")
    chosen = looked_at(plain).format
    assert chosen.identity == "Format(size=16, channels=3, crop_share=1.0)"  # as 0.1.0 had it
    pictures = [(shares() * 60000).astype(np.uint16) for _ in range(5)]
    deep = write(tmp_path / "deep", *pictures, kind="png")

    def fingerprint(folder: Path, options: str) -> str:
        return load(folder, f"&stored=true{options}").fingerprint

    assert fingerprint(plain, "") == fingerprint(plain, "&background=black")
    found = {fingerprint(deep, more) for more in ("", "&values=0..60000", "&values=0..9000")}
    assert len(found) == 3
    assert "revision=2" in looked_at(deep).format.identity


def test_sizes_are_those_that_are_seen(tmp_path: Path) -> None:
    told = Image.Exif()
    told[0x0112] = 6
    write(tmp_path, np.zeros((64, 24, 3), np.uint8), kind="jpg", exif=told)
    assert looked_at(tmp_path).format.size == 24


def test_pictures_in_parquet_are_read_as_those_in_files(tmp_path: Path) -> None:
    pictures = [Image.fromarray((shares() * 65535).astype(np.uint16)) for _ in range(10)]
    rows = [{"bytes": encoded(each), "path": None} for each in pictures]
    write_parquet(tmp_path / "data" / "train-0.parquet", rows, [0, 1] * 5, names="ab")
    in_parquet = load(tmp_path / "data")
    for number, each in enumerate(pictures):
        (tmp_path / "files" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        each.save(tmp_path / "files" / "ab"[number % 2] / f"{number}.png")
    in_files = load(tmp_path / "files")
    assert in_parquet.reading == in_files.reading

    def seen(data: SearchData) -> set[bytes]:
        both = (data.train.load().pixels, data.validation.load().pixels)
        return {each.numpy().tobytes() for pixels in both for each in pixels}

    every = {decode("mine", encoded(each), Format(8, 1)).tobytes() for each in pictures}
    assert seen(in_parquet) <= every
    assert seen(in_files) <= every
