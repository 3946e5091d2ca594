"""Image data of one's own: a folder of class folders, or of parquet files.

Layouts, the first that fits:

- ``train*.parquet`` and ``test*.parquet`` (or ``validation*.parquet``, ``val*.parquet``), in the
  folder or in ``data`` inside it, as Hugging Face writes them;
- ``train/CLASS/picture.png`` and ``test/CLASS/picture.png`` (or ``validation/``, ``val/``);
- ``CLASS/picture.png``.

Where there is no test split, a fifth of the images becomes it, chosen by a constant, so that no
seed of a search ever trains on them. Needs the extra ``data``; see :mod:`evo_nas.picture_table`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .data import DataSource, Images, Rows, SearchData, carve, check_images, in_proportion
from .data import search_data as make_search_data
from .errors import DataError
from .picture_table import Format, PictureTable, choose_format, open_table
from .streams import Streams

TEST_SHARE = 0.2
CONSTANT_STREAMS = Streams(0)  # what no run's seed may change
TEST_NAMES = ("test", "validation", "val")


@dataclass(frozen=True, slots=True)
class _Training:
    images: Images
    rows: Rows  # their rows in the training split as it is stored
    classes: tuple[str, ...]
    format: Format


class ImageFolder(DataSource):
    """The images of a folder; ``path`` and its layout are told in the module's docstring.

    ``image_size`` is pixels of a side; images are resized by their shorter side and cropped at the
    centre. By default it is the size that all images share, or else their median shorter side,
    rounded down to a multiple of 8, at most 64. ``validation`` is a share of the training images
    or a number. At most ``limit`` training images are read. ``image_column`` and ``label_column``
    are for parquet files in which several could be meant.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        image_size: int | None = None,
        validation: float = 0.1,
        limit: int | None = None,
        image_column: str | None = None,
        label_column: str | None = None,
    ) -> None:
        self._path = Path(path).expanduser()
        for name, number in (("image_size", image_size), ("limit", limit)):
            if number is not None and (type(number) is not int or number < 1):
                raise DataError(f"{path}: {name}={number!r} must be a whole number, 1 or more")
        if isinstance(validation, bool | str) or validation <= 0:
            raise DataError(f"{path}: validation={validation!r} must be a share or a whole number")
        self._image_size, self._validation, self._limit = image_size, validation, limit
        self._columns = (image_column, label_column)
        self._splits = find_splits(self._path)
        self._training: _Training | None = None  # decoded once, whatever the seeds

    def load(self, seed: int) -> SearchData:
        """The training images, less the validation split that this seed carves out of them."""
        training = self._read_training()
        split = Streams(seed).generator("folder", "split")
        kept, carved = carve(training.images.labels.numpy(), self._validation, split)
        return make_search_data(
            self._path.name,
            training.images.take(kept),
            training.images.take(carved),
            training.classes,
            training.rows[carved],
        )

    def test(self) -> Images:
        """The test images; nothing of them is read before this is called."""
        training = self._read_training()
        if "test" in self._splits:
            with self._open("test") as table:
                images = table.read(np.arange(len(table)), training.format, training.classes)
        else:
            with self._open("train") as table:
                images = table.read(self._own_test(table)[1], training.format, training.classes)
        check_images(images, training.classes, f"the test split of {self._path}")
        return images

    def _read_training(self) -> _Training:
        if self._training is None:
            with self._open("train") as table:
                rows = np.arange(len(table))
                if "test" not in self._splits:
                    rows = self._own_test(table)[0]
                if self._limit is not None:
                    order = in_proportion(table.labels[rows], CONSTANT_STREAMS.generator("limit"))
                    rows = np.sort(rows[order[: self._limit]])
                chosen = choose_format(table, rows, self._image_size)
                images = table.read(rows, chosen, table.classes)
                self._training = _Training(images, rows, table.classes, chosen)
        return self._training

    def _own_test(self, table: PictureTable) -> tuple[Rows, Rows]:
        return carve(table.labels, TEST_SHARE, CONSTANT_STREAMS.generator("test"), "test")

    def _open(self, split: str) -> AbstractContextManager[PictureTable]:
        return open_table(self._splits[split], *self._columns)


def find_splits(path: Path) -> dict[str, list[Path]]:
    """The parquet files, or the one folder of class folders, of "train" and, if any, "test".

    Raises:
        DataError: the folder has none of the known layouts.
    """
    if not path.is_dir():
        raise DataError(f"{path} is no folder; give a folder of class folders or parquet files")
    for folder in (path, path / "data"):
        if train := sorted(folder.glob("train*.parquet")):
            tests = [sorted(folder.glob(f"{name}*.parquet")) for name in TEST_NAMES]
            return _splits(train, tests)
    if (path / "train").is_dir():
        tests = [[path / name] for name in TEST_NAMES if (path / name).is_dir()]
        return _splits([path / "train"], tests)
    if any(path.glob("*.parquet")):
        raise DataError(f"{path} has parquet files, but none called train*.parquet; rename them")
    return {"train": [path]}


def _splits(train: list[Path], tests: list[list[Path]]) -> dict[str, list[Path]]:
    found = [paths for paths in tests if paths]
    return {"train": train, "test": found[0]} if found else {"train": train}
