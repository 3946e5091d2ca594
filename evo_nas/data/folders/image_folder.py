"""Image data of one's own: a folder of class folders, or of parquet files.

Layouts, the first that fits:

- ``train*.parquet`` and ``test*.parquet`` (or ``validation*.parquet``, ``val*.parquet``), in the
  folder or in ``data`` inside it, as Hugging Face writes them;
- ``train/CLASS/picture.png`` and ``test/CLASS/picture.png`` (or ``validation/``, ``val/``);
- ``CLASS/picture.png``.

Where there is no test split, a fifth of the images becomes it, chosen by a constant, so that no
seed of a search ever trains on them. Needs the extra ``data``.

Few images are decoded once, into memory. Many (ImageNet has 193 GB at 224 pixels) stay on disk and
are decoded by worker processes whenever they are read; see :mod:`evo_nas.data.stored`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import joblib
import numpy as np

from evo_nas.core.plugins.options import above, at_least, at_most, below
from evo_nas.core.streams import Streams
from evo_nas.data.format import Background, Format, Range
from evo_nas.data.images import ImageSet, Rows
from evo_nas.data.pictures import PictureTable, imported
from evo_nas.data.source import (
    DataSource,
    SearchData,
    Statistics,
    carve,
    channel_statistics,
    check_images,
    in_proportion,
    search_data,
)
from evo_nas.data.stored import StoredPictures, stored_pictures
from evo_nas.data.survey import Survey, Wishes, survey
from evo_nas.errors import DataError

from .class_folders import list_folder
from .parquet import open_parquet

TEST_SHARE = 0.2
CONSTANT_STREAMS = Streams(0)  # what no run's seed may change
TEST_NAMES = ("test", "validation", "val")
LARGEST_IN_MEMORY = 4 * 2**30  # bytes of decoded training images
STATISTICS_SAMPLE = 2048  # training images of which mean and deviation are taken if on disk
MOST_WORKERS = 16  # by default


class ImageFolder(DataSource):
    """The images of a folder: class folders, or parquet files as Hugging Face writes them.

    The module's docstring tells the layouts. Images are resized by their shorter side and cropped
    at the centre.

    Broken pictures are left out in memory; on disk, where nobody knows before a picture is read,
    the next picture of the same class takes the place of a broken one, always the same. They are
    named and counted, and too many are an error. A file that is missing is always an error.

    Args:
        path: the folder.
        image_size: pixels of a side; by default the size that all images share, or else their
            median shorter side, rounded down to a multiple of 8, at most 64.
        validation: the validation split, a share of the training images or a number.
        limit: how many training images are read at most.
        image_column: the column of images, for parquet files in which several could be meant.
        label_column: the column of labels, for parquet files in which several could be meant.
        test: the split to test on, where there are several.
        stored: whether images stay on disk; by default they do if the training images would be
            larger than 4 GiB, decoded.
        workers: processes that decode what stays on disk; by default as many as there are cores,
            at most 16; 0 decodes in the process that trains. The result is the same for any number.
        crop_share: the share of the shorter side that is seen where nothing is random; 0.875 is
            usual on ImageNet.
        mean: of each channel, in 0..1, as in ``mean=0.485,0.456,0.406``; by default it is counted,
            of all training pixels in memory, or of 2048 random images on disk.
        std: the standard deviation of each channel, given or counted as the mean is.
        background: what shows where pictures are transparent, ``white`` or ``black``; ``none``
            reads their colours as if nothing were transparent.
        values: what is black and what is white in pictures of more than 8 bits, as in
            ``values=-1024..3071``; what lies beyond is clipped. By default it is the range of the
            file's format, or where that says nothing, as with floats, the smallest usual one (0..1,
            0..255, 0..4095, 0..65535) that holds all values.
        skip: the share of pictures that may be broken; 0.1% of fewer than 1000 allows none.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        image_size: Annotated[int, at_least(1)] | None = None,
        validation: Annotated[float, above(0)] = 0.1,
        limit: Annotated[int, at_least(1)] | None = None,
        image_column: str | None = None,
        label_column: str | None = None,
        test: str | None = None,
        stored: bool | None = None,
        workers: Annotated[int, at_least(0)] | None = None,
        crop_share: Annotated[float, above(0), at_most(1)] = 1.0,
        mean: str | float | None = None,
        std: str | float | None = None,
        background: Background = "white",
        values: str | None = None,
        skip: Annotated[float, at_least(0), below(1)] = 0.001,
    ) -> None:
        self._path = Path(path).expanduser()
        if (mean is None) is not (std is None):
            raise DataError(f"{path}: give both mean and std, or none of them")
        limits = None if values is None else Range.parse(values)
        self._wishes = Wishes(image_size, float(crop_share), background, limits)
        self._validation, self._limit = validation, limit
        self._columns, self._stored = (image_column, label_column), stored
        self._workers = min(joblib.cpu_count(), MOST_WORKERS) if workers is None else workers
        self._mean, self._std, self._skip = mean, std, float(skip)
        self._files, self._test_files = find_splits(self._path, test)

    def load(self, seed: int) -> SearchData:
        pictures, images = self._training
        split = Streams(seed).generator("folder", "split")
        kept, carved = carve(images.labels.numpy(), self._validation, split)
        return search_data(
            self._path.name,
            images.take(kept),
            images.take(carved),
            self._train.classes,
            pictures.rows[carved],
            self._statistics(images.take(kept)),
            reading=pictures.format,
            notes=self._survey.notes,
        )

    def test(self) -> ImageSet:
        if self._test_files:
            table = self._open(self._test_files)
            rows = np.arange(len(table))
        else:
            table, rows = self._train, self._own_test[1]
        _, images = self._kept(self._of(table, rows, self._pictures.format))
        check_images(images, self._train.classes, f"the test split of {self._path}")
        return images

    @cached_property
    def _train(self) -> PictureTable:
        return self._open(self._files)

    def _open(self, files: list[Path]) -> PictureTable:
        imported("PIL")
        if files[0].suffix == ".parquet":
            return open_parquet(files, *self._columns)
        return list_folder(files[0])

    @cached_property
    def _own_test(self) -> tuple[Rows, Rows]:
        """The rows for training, and the rows of the test split."""
        generator = CONSTANT_STREAMS.generator("test")
        return carve(self._train.labels, TEST_SHARE, generator, "test")

    @cached_property
    def _train_rows(self) -> Rows:
        """The rows of the training and validation splits together."""
        table = self._train
        rows = np.arange(len(table)) if self._test_files else self._own_test[0]
        if self._limit is not None:
            order = in_proportion(table.labels[rows], CONSTANT_STREAMS.generator("limit"))
            rows = np.sort(rows[order[: self._limit]])
        return rows

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._train, self._train_rows, self._wishes)

    @cached_property
    def _pictures(self) -> StoredPictures:
        """The pictures of the training and validation splits together."""
        return self._of(self._train, self._train_rows, self._survey.format)

    @cached_property
    def _training(self) -> tuple[StoredPictures, ImageSet]:
        """The training pictures; those kept in memory are decoded once, whatever the seeds."""
        return self._kept(self._pictures)

    def _of(self, table: PictureTable, rows: Rows, chosen: Format) -> StoredPictures:
        return stored_pictures(table, rows, self._train.classes, chosen, self._workers, self._skip)

    def _kept(self, pictures: StoredPictures) -> tuple[StoredPictures, ImageSet]:
        """The pictures, and the images made of them: on disk, or in memory without broken ones."""
        stored = self._stored
        if stored is None:
            stored = self._pictures.nbytes > LARGEST_IN_MEMORY
        if stored:
            return pictures, pictures
        images = pictures.load()
        broken = pictures.unreadable.found
        if not broken:
            return pictures, images
        sound = [place for place, row in enumerate(pictures.rows.tolist()) if row not in broken]
        told = tuple(pictures.unreadable.notes("are left out"))
        return pictures.take(sound), replace(images.take(sound), told=told)

    def _statistics(self, train: ImageSet) -> Statistics | None:
        """Mean and deviation as they were given, or of a sample of pictures on disk."""
        channels, _ = train.shape
        if self._mean is not None and self._std is not None:
            mean = _numbers("mean", self._mean, channels, 0.0)
            return mean, _numbers("std", self._std, channels, 1 / 255)
        if isinstance(train, StoredPictures):
            order = CONSTANT_STREAMS.generator("statistics").permutation(len(train))
            return channel_statistics(train.take(order[:STATISTICS_SAMPLE]).load().pixels)
        return None


def _numbers(name: str, given: str | float, channels: int, lowest: float) -> tuple[float, ...]:
    """One number for each channel, from text such as ``0.485,0.456,0.406``."""
    try:
        numbers = tuple(float(part) for part in str(given).split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != channels or not all(lowest <= number <= 1 for number in numbers):
        raise DataError(
            f"{name}={given!r} must be {channels} numbers from {lowest:.3g} to 1, one for each "
            "channel, with commas between"
        )
    return numbers


def find_splits(path: Path, test: str | None = None) -> tuple[list[Path], list[Path]]:
    """The parquet files, or the one folder of class folders, to train and, if any, to test on.

    ``test`` is the name of the test split; by default it is the first of TEST_NAMES that is there.
    """
    if not path.is_dir():
        raise DataError(f"{path} is no folder; give a folder of class folders or parquet files")
    names = TEST_NAMES if test is None else (test,)
    train, tests = [path], list[list[Path]]()
    in_parquet = [folder for folder in (path, path / "data") if any(folder.glob("train*.parquet"))]
    if in_parquet:
        train = sorted(in_parquet[0].glob("train*.parquet"))
        tests = [sorted(in_parquet[0].glob(f"{name}*.parquet")) for name in names]
    elif (path / "train").is_dir():
        train = [path / "train"]
        tests = [[path / name] for name in names if (path / name).is_dir()]
    elif any(path.glob("*.parquet")):
        raise DataError(f"{path} has parquet files, but none called train*.parquet; rename them")
    found = next(filter(None, tests), [])
    if test is not None and not found:
        raise DataError(f"{path} has no split {test!r} to test on; leave out test={test}")
    return train, found
