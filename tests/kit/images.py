"""Small folders of pictures for tests; ``python -m tests.kit.images FOLDER`` writes one."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

COLOURS = {"apple": (200, 30, 30), "leaf": (30, 160, 40), "sky": (90, 140, 250)}
SIZES = [(40, 30), (30, 44), (61, 33), (24, 24)]


def write_pictures(folder: Path, count: int = 10, *, sizes=SIZES, ending: str = "jpg") -> Path:
    """``count`` noisy pictures of several sizes in each of three class folders."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            width, height = sizes[number % len(sizes)]
            noise = np.random.default_rng(number).integers(-30, 30, (height, width, 3))
            pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03}.{ending}")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=10, help="pictures of each class")
    given = parser.parse_args()
    write_pictures(given.folder, given.count)
