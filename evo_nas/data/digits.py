"""The data that evo-nas carries: handwritten digits, small enough for a search in minutes.

scikit-learn's ``load_digits`` holds 1,797 real 8x8 images. Plain, they are too easy to rank
networks by (every network reaches 98%), so they are rendered anew: shifted, turned, scaled, noisy.
The originals are split *before* they are rendered: no original has renderings in two splits.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from evo_nas.core.plugins.options import at_least, at_most, below
from evo_nas.core.streams import Streams

from .images import Images, Rows
from .source import DataSource, SearchData, carve, search_data

SIZE = 8  # pixels
TEST_ORIGINALS = 300
VALIDATION_ORIGINALS = 300
TEST_STREAMS = Streams(1797)  # a constant: the test images are the same for every run

Count = Annotated[int, at_least(10), at_most(1_000_000)]
Amount = Annotated[float, at_least(0), at_most(180)]


class Digits(DataSource):
    """Renderings of handwritten digits: 8x8 pixels, grey, 10 classes.

    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI; the part
    that scikit-learn carries.

    Args:
        train: the number of training images.
        validation: the number of validation images.
        test: the number of test images.
        shift: how far they are shifted at most, in pixels.
        rotation: how far they are turned at most, in degrees.
        zoom: how much their scale varies: from 1 - zoom to 1 + zoom / 3.
        noise: the standard deviation of noise, a share of full scale.
    """

    def __init__(
        self,
        *,
        train: Count = 4000,
        validation: Count = 1000,
        test: Count = 1000,
        shift: Amount = 1.0,
        rotation: Amount = 15.0,
        zoom: Annotated[float, at_least(0), below(1)] = 0.15,
        noise: Amount = 0.2,
    ) -> None:
        self._counts = {"train": train, "validation": validation, "test": test}
        self._shift, self._rotation, self._zoom, self._noise = shift, rotation, zoom, noise
        pixels, self._labels = _read_originals()
        self._originals = (pixels / 16).astype(np.float32)  # (1797, 8, 8) in 0..1
        self._rest, self._test = carve(
            self._labels, TEST_ORIGINALS, TEST_STREAMS.generator("test originals"), "test"
        )

    def load(self, seed: int) -> SearchData:
        streams = Streams(seed)
        split = streams.generator("digits", "split")
        kept, carved = carve(self._labels[self._rest], VALIDATION_ORIGINALS, split)
        rows = self._rest[carved]
        train = self._render(self._rest[kept], "train", streams)
        validation = self._render(rows, "validation", streams)
        return search_data("digits", train, validation, "0123456789", rows)

    def test(self) -> Images:
        return self._render(self._test, "test", TEST_STREAMS)

    def _render(self, rows: Rows, split: str, streams: Streams) -> Images:
        generator = streams.generator("digits", "render", split)
        count = self._counts[split]
        chosen = np.resize(generator.permutation(rows), count)  # all originals, again and again
        grid = torch.from_numpy(self._grid(count, generator))
        originals = torch.from_numpy(self._originals[chosen]).unsqueeze(1)
        rendered = functional.grid_sample(originals, grid, mode="bilinear", align_corners=False)
        noise = generator.standard_normal(rendered.shape, dtype=np.float32) * self._noise
        pixels = np.clip(rendered.numpy() + noise.astype(np.float32), 0, 1) * 255
        return Images(
            torch.from_numpy(pixels.round().astype(np.uint8)),
            torch.from_numpy(self._labels[chosen]),
        )

    def _grid(self, count: int, generator: np.random.Generator) -> npt.NDArray[np.float32]:
        """Where each pixel comes from: (count, 8, 8, 2), x and y in -1..1 over the picture.

        numpy rather than ``affine_grid``, whose matrix product may depend on the number of threads.
        """
        angle = np.radians(generator.uniform(-self._rotation, self._rotation, (count, 1, 1)))
        scale = generator.uniform(1 - self._zoom, 1 + self._zoom / 3, (count, 1, 1))
        shift = generator.uniform(-self._shift, self._shift, (2, count, 1, 1)) * (2 / SIZE)
        centres = (np.arange(SIZE) * 2 + 1) / SIZE - 1
        y, x = np.meshgrid(centres, centres, indexing="ij")
        x, y = x - shift[0], y - shift[1]
        turned = (np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x)
        return np.stack([turned[0] / scale, turned[1] / scale], axis=-1).astype(np.float32)


@cache  # a plan asks for them, and the run
def _read_originals() -> tuple[npt.NDArray[np.float64], Rows]:
    """The originals of ``load_digits``: pixels (1797, 8, 8) in 0..16, and labels.

    From its file: importing scikit-learn would take a third of the time until a run begins.
    """
    file = distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    table = np.loadtxt(str(file), delimiter=",")
    return table[:, :-1].reshape(-1, SIZE, SIZE), table[:, -1].astype(np.int64)
