"""Small folders of pictures for tests; ``python -m tests.kit.images FOLDER`` writes one."""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_nas.data.pictures import PictureTable

Image = pytest.importorskip("PIL.Image")

COLOURS = {"apple": (200, 30, 30), "leaf": (30, 160, 40), "sky": (90, 140, 250)}
SIZES = [(40, 30), (30, 44), (61, 33), (24, 24)]


def picture(colour: tuple[int, ...], size: tuple[int, int] = (16, 16), seed: int = 0) -> Any:
    """A noisy picture."""
    noise = np.random.default_rng(seed).integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def encoded(image: Any, kind: str = "png", **options: Any) -> bytes:
    """The bytes of a picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def digest(table: PictureTable, rows: Sequence[int]) -> str:
    """What rows of a table add to a fingerprint."""
    found = hashlib.sha256()
    table.feed(found, np.asarray(rows))
    return found.hexdigest()


def write_pictures(
    folder: Path,
    count: int = 10,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    ending: str = "jpg",
    classes: Iterable[str] = COLOURS,
    mode: str = "RGB",
) -> Path:
    """``count`` noisy pictures of several sizes in each of three class folders."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = picture(COLOURS[name], sizes[number % len(sizes)], number).convert(mode)
            image.save(folder / name / f"{number:03}.{ending}")
    return folder


def write_parquet(
    path: Path,
    pictures: Sequence[Any],
    labels: Sequence[int],
    *,
    names: Iterable[str] = COLOURS,
    image: Any = None,
    label: Any = None,
    group: int | None = None,
    **columns: Sequence[int],
) -> Path:
    """Rows of a picture (``{"bytes": ..., "path": ...}``), a label and more numbers."""
    datasets = pytest.importorskip("datasets")
    kinds = {
        "picture": image or datasets.Image(),
        "kind": label or datasets.ClassLabel(names=list(names)),
        **{name: datasets.Value("int64") for name in columns},
    }
    table = {"picture": pictures, "kind": labels, **columns}
    path.parent.mkdir(exist_ok=True)
    made = datasets.Dataset.from_dict(table, features=datasets.Features(kinds))
    made.to_parquet(path, batch_size=group)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=10, help="pictures of each class")
    given = parser.parse_args()
    write_pictures(given.folder, given.count)
