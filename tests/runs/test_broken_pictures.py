"""Pictures that cannot be decoded: in memory, on disk, in parquet files, in trainings and runs."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evo_nas.core.devices import torch_threads
from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.data.decode import decode, header
from evo_nas.data.folders.class_folders import list_folder
from evo_nas.data.folders.image_folder import ImageFolder
from evo_nas.data.format import Format
from evo_nas.data.images import Images
from evo_nas.data.source import SearchData
from evo_nas.data.stored import StoredPictures, stored_pictures
from evo_nas.errors import DataError, PictureError, SpecError
from evo_nas.training.batches import Batches, seeded_weights
from evo_nas.training.loop import fit
from evo_nas.training.recipe import Augmentation, Phase
from tests.kit.images import Image, write_pictures
from tests.kit.runs import Listener

CPU = torch.device("cpu")


def chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    length, check = len(content).to_bytes(4, "big"), zlib.crc32(checked).to_bytes(4, "big")
    return length + checked + check


def zero_size(whole: bytes) -> bytes:
    ihdr = (0).to_bytes(4, "big") + (16).to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


BREAKS = {
    "truncated": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "text": lambda whole: b"this is no picture, whatever its name says\n" * 9,
    "zero size": zero_size,
    "zeros": lambda whole: bytes(len(whole)),
}
KINDS = pytest.mark.parametrize("kind", BREAKS)


def spoil(folder: Path, *names: str, kind: str = "truncated") -> list[str]:
    for name in names:
        (folder / name).write_bytes(BREAKS[kind]((folder / name).read_bytes()))
    return [str(folder / name) for name in names]


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    with torch_threads(1):
        yield


def stored(folder: Path, workers: int = 0, skip: float = 0.1) -> StoredPictures:
    table = list_folder(folder)
    rows = np.arange(len(table))
    return stored_pictures(table, rows, table.classes, Format(16, 3), workers, skip)


def order(count: int = 36) -> list[torch.Tensor]:
    return list(torch.from_numpy(np.random.default_rng(0).permutation(count).reshape(-1, 3)))


@KINDS
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_what_is_broken_is_told_from_what_cannot_be_read(
    tmp_path: Path, kind: str, ending: str
) -> None:
    folder = write_pictures(tmp_path, 2, ending=ending)
    path = str(folder / "sky" / f"000.{ending}")
    spoil(folder, f"sky/000.{ending}", kind=kind)
    with pytest.raises(PictureError, match=rf"^picture {re.escape(path)} cannot be decoded \(."):
        decode(path, path, Format(8, 3))
    with pytest.raises(PictureError):
        decode(path, Path(path).read_bytes(), Format(8, 3))
    Path(path).unlink()
    for read in (header, lambda *a: decode(*a, Format(8, 3))):
        with pytest.raises(DataError, match=r"cannot be read \(No such file") as caught:
            read(path, path)
        assert not isinstance(caught.value, PictureError)


def test_memory_that_is_short_is_not_the_pictures_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_pictures(tmp_path, 1) / "sky" / "000.jpg")

    def convert(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", convert)
    with pytest.raises(DataError, match=r"memory is too short to decode .* workers=") as caught:
        decode(path, path, Format(8, 3))
    assert not isinstance(caught.value, PictureError)


@KINDS
@pytest.mark.parametrize("workers", [0, 2])
def test_the_next_of_the_class_takes_the_place_of_a_broken_one(
    tmp_path: Path, kind: str, workers: int
) -> None:
    folder = write_pictures(tmp_path, 12)
    whole = stored(folder).load().pixels
    spoil(folder, "leaf/005.jpg", "leaf/006.jpg", "sky/011.jpg", kind=kind)
    pictures = stored(folder, workers)
    found = torch.cat(list(pictures.read(order(), CPU)))
    expected = whole.clone()
    expected[[17, 18]], expected[35] = whole[19], whole[24]  # the last one's next is the first
    assert torch.equal(found, expected[torch.cat(order())])
    assert sorted(pictures.unreadable.found) == [17, 18, 35]
    (line,) = pictures.notes()
    assert line.startswith(f"3 of 36 pictures of {folder} cannot be decoded and others of their ")


def test_what_takes_a_place_is_of_the_same_set(tmp_path: Path) -> None:
    """A validation picture must not stand in for a training picture."""
    folder = write_pictures(tmp_path, 12)
    spoil(folder, "apple/003.jpg")
    pictures = stored(folder)
    taken = pictures.take([3, 30, 7])
    loaded = taken.load().pixels
    assert torch.equal(loaded[0], loaded[2])
    assert pictures.unreadable is taken.unreadable  # sets of one source count together
    with pytest.raises(DataError, match=r"no picture of class '.*' can be decoded: picture .*3"):
        pictures.take([3, 30]).load()


@pytest.mark.parametrize("workers", [0, 2])
def test_too_many_stop_it_at_the_same_picture(tmp_path: Path, workers: int) -> None:
    folder = write_pictures(tmp_path, 12)
    broken = [f"leaf/{number:03}.jpg" for number in range(4)]
    spoil(folder, *broken)
    pictures = stored(folder, workers, skip=0.1)
    with pytest.raises(DataError, match=r"^4 of 36 pictures of .* where skip=0.1 allows for 3: "):
        list(pictures.read(order(), CPU))
    counted = [row for batch in order() for row in batch.tolist() if row in range(12, 16)]
    assert len(counted) == 4
    assert len(list(stored(folder, workers, skip=0.12).read(order(), CPU))) == 12


def trained(folder: Path, workers: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    pictures = stored(folder, workers)
    with seeded_weights(1):
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 3))
    phase = Phase("adamw", 2, 6, 1e-3, 0.05, augmentation=Augmentation(0.08))
    listener = Listener()
    notes = fit(network, Batches(pictures, Normal(), 16), phase, Streams(3), progress=listener)
    assert notes == listener.heard
    return network.state_dict(), notes


class Normal:
    mean, std = (0.5,) * 3, (0.25,) * 3


@pytest.mark.slow
def test_a_training_says_so_once_and_ends_the_same_for_any_number_of_workers(
    tmp_path: Path,
) -> None:
    folder = write_pictures(tmp_path, 12)
    (path,) = spoil(folder, "leaf/005.jpg")
    (first, notes), (second, others) = trained(folder, 0), trained(folder, 2)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert notes == others
    assert len(notes) == 1
    assert f"1 of 36 pictures of {folder} cannot be decoded" in notes[0]
    assert path in notes[0]


def read_all(source: ImageFolder) -> SearchData:
    data = source.load(0)
    data.train.load()
    data.validation.load()
    return data


# -- folders and parquet files --------------------------------------------------------------------


def test_in_memory_they_are_left_out_and_all_else_is_as_without_them(tmp_path: Path) -> None:
    write_pictures(tmp_path / "broken", 12)
    write_pictures(tmp_path / "without", 12)
    names = ("apple/000.jpg", "sky/007.jpg")
    spoil(tmp_path / "broken", *names)
    for name in names:
        (tmp_path / "without" / name).unlink()
    # The test split is carved by row, so that it is given here.
    for folder in ("broken", "without"):
        (tmp_path / folder).rename(tmp_path / "train")
        write_pictures(tmp_path / folder / "test", 2)
        (tmp_path / "train").rename(tmp_path / folder / "train")
    source = ImageFolder(tmp_path / "broken", image_size=12, validation=6, skip=0.1)
    first, second = source.load(0), ImageFolder(
        tmp_path / "without", image_size=12, validation=6
    ).load(0)  # fmt: skip
    assert isinstance(first.train, Images)
    assert isinstance(second.train, Images)
    assert first.fingerprint != ""
    assert torch.equal(first.train.pixels, second.train.pixels)
    assert torch.equal(first.validation.labels, second.validation.labels)
    (line,) = first.train.notes()
    assert "2 of 36 pictures of" in line
    assert "cannot be decoded and are left out: " in line
    assert all(name in line for name in names)
    assert source.test().notes() == second.train.notes() == []


@pytest.mark.parametrize("stored", [True, False])
def test_the_test_split_counts_for_itself(tmp_path: Path, stored: bool) -> None:
    write_pictures(tmp_path / "train", 6)
    write_pictures(tmp_path / "test", 6)
    spoil(tmp_path / "test", "leaf/001.jpg")
    source = ImageFolder(tmp_path, stored=stored, workers=0, skip=0.1)
    assert source.load(0).train.notes() == []
    test = source.test()
    loaded = test.load()
    assert len(loaded) == (18 if stored else 17)
    assert f"1 of 18 pictures of {tmp_path / 'test'}" in test.notes()[0]


@pytest.mark.parametrize("stored", [True, False])
def test_a_few_of_a_thousand_are_borne_unless_that_is_ruled_out(
    tmp_path: Path, stored: bool
) -> None:
    write_pictures(tmp_path / "train", 334, sizes=[(8, 8)])
    write_pictures(tmp_path / "test", 1, sizes=[(8, 8)])
    spoil(tmp_path / "train", "leaf/001.jpg")
    data = read_all(ImageFolder(tmp_path, stored=stored, workers=0))
    assert "1 of 1,002 pictures" in data.train.notes()[0]
    strict = ImageFolder(tmp_path, stored=stored, workers=0, skip=0)
    with pytest.raises(DataError, match=r"leaf/001\.jpg cannot be decoded .* or let a share"):
        read_all(strict)


@KINDS
@pytest.mark.parametrize("stored", [True, False])
def test_broken_bytes_and_empty_rows_of_parquet_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool, kind: str
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows: list[Any] = []
    for number in range(30):
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16), (8 * number, 0, 0)).save(buffer, "png")
        rows.append({"bytes": buffer.getvalue(), "path": None})
    rows[4] = {"bytes": BREAKS[kind](rows[4]["bytes"]), "path": None}
    rows[11] = None
    features = {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["a", "b"])}
    table = {"picture": rows, "kind": [number % 2 for number in range(30)]}
    made = datasets.Dataset.from_dict(table, features=datasets.Features(features))
    made.to_parquet(tmp_path / "train.parquet")
    made.select(range(20, 30)).to_parquet(tmp_path / "test.parquet")
    options = {"stored": stored, "workers": 0, "validation": 4}
    data = ImageFolder(tmp_path, skip=0.1, **options).load(0)
    loaded = [len(images.load()) for images in (data.train, data.validation)]
    assert sum(loaded) == (30 if stored else 28)
    (line,) = data.train.notes()
    assert line.startswith("2 of 30 pictures of")
    assert "row 4 of" in line
    assert "row 11 of" in line
    assert "has no picture" in line
    with pytest.raises(DataError, match=r"row (4|11) of"):
        read_all(ImageFolder(tmp_path, skip=0.01, **options))


@pytest.mark.parametrize("skip", [-0.1, 1, "some", True])
def test_senseless_shares_are_refused(tmp_path: Path, skip: Any) -> None:
    with pytest.raises(SpecError, match=r"skip=.* must be a number, 0 or more, below 1"):
        registry.load("data", f"{tmp_path}?skip={skip}")


def test_folders_of_nothing_but_broken_pictures_are_told(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    spoil(tmp_path, *(f"{p.parent.name}/{p.name}" for p in tmp_path.glob("*/*")), kind="text")
    with pytest.raises(DataError, match="cannot be decoded"):
        ImageFolder(tmp_path, skip=0.5).load(0)
