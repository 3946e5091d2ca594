"""Image data of one's own: a folder of class folders, or of parquet files.

- ``train/CLASS/picture.png`` and ``test/CLASS/picture.png``, or ``CLASS/picture.png`` alone;
- ``train*.parquet`` and ``test*.parquet`` in any of the places where Hugging Face writes them;
- a CSV of paths and labels (:mod:`.listing`), or ``hf:NAME`` (:mod:`.hub`).

:mod:`.splits` tells how splits may be called and which one is used for what. Where there is no test
split, a fifth of the images becomes it, chosen by a constant, so that no seed of a search ever
trains on them; where there is no validation split, a tenth, chosen by the seed. Needs the extra
``data``.

Few images are decoded once, into memory. Many (ImageNet has 193 GB at 224 pixels) stay on disk and
are decoded by worker processes whenever they are read; see :mod:`evo_nas.data.stored`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import joblib
import numpy as np

from evo_nas.core.paths import expanded
from evo_nas.core.plugins.options import above, at_least, at_most, below
from evo_nas.core.streams import Streams
from evo_nas.data.format import Background, Format, Range
from evo_nas.data.images import ImageSet, Rows, in_proportion
from evo_nas.data.inventory import Inventory, inventory_of
from evo_nas.data.memory.decoded import decoded
from evo_nas.data.pictures import PictureTable
from evo_nas.data.source import (
    DataSource,
    SearchData,
    Statistics,
    carve,
    channel_statistics,
    check_test,
    search_data,
)
from evo_nas.data.stored import StoredPictures, stored_pictures
from evo_nas.data.survey import Survey, Wishes, survey
from evo_nas.errors import DataError

from .hub import PREFIX
from .shared_pictures import shared_pictures
from .splits import Splits
from .tables import Tables, check_enough, find_splits, open_splits

TEST_SHARE = 0.2
CONSTANT_STREAMS = Streams(0)  # what no run's seed may change
VALIDATION_SHARE = 0.1
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
        path: the folder, a parquet file, a CSV, or ``hf:NAME`` of a dataset in the local cache.
        image_size: pixels of a side; by default the size that all images share, or else their
            median shorter side, rounded down to a multiple of 8, at most 64.
        validation: the validation split: a share of the training images, a number of them, or the
            name of a split; by default a split that is called so, or else a tenth.
        limit: how many training images are read at most.
        image_column: the column of images, for tables in which several could be meant.
        label_column: the column of labels, for tables in which several could be meant.
        test: the name of the split to test on, where there are several.
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
        validation: Annotated[float | str, above(0)] | None = None,
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
        self._path = Path(path) if str(path).startswith(PREFIX) else expanded(path)
        if (mean is None) is not (std is None):
            raise DataError(f"{path}: give both mean and std, or none of them")
        limits = None if values is None else Range.parse(values)
        self._wishes = Wishes(image_size, float(crop_share), background, limits)
        self._validation, self._limit = validation, limit
        self._columns, self._stored = (image_column, label_column), stored
        self._workers = min(joblib.cpu_count(), MOST_WORKERS) if workers is None else workers
        self._mean, self._std, self._skip = mean, std, float(skip)
        self._test_name = test
        self._splits = self._find_splits()

    def _find_splits(self) -> Splits:
        return find_splits(self._path)

    def load(self, seed: int) -> SearchData:
        pictures, images = self._training
        classes = self._tables.train.classes
        if self._own_validation is not None:
            _, validation = self._own_validation
            train, rows = images, np.empty(0, dtype=np.int64)
        else:
            split = Streams(seed).generator("folder", "split")
            labels, share = images.labels.numpy(), self._carved_validation
            kept, carved = carve(labels, share, split, classes=classes)
            train, validation, rows = images.take(kept), images.take(carved), pictures.rows[carved]
        return search_data(
            self._path.name,
            train,
            validation,
            classes,
            rows,
            self._statistics(train),
            reading=pictures.format,
            notes=self._survey.notes,
        )

    def test(self) -> ImageSet:
        _, images = self._kept(self._test_pictures)
        return images

    def inventory(self, data: SearchData) -> Inventory:
        tables, pictures, test = self._tables, self._training[0], self._test_pictures
        check_test(test, data)
        if self._own_validation is None:
            carved = np.asarray(data.validation_rows, dtype=np.int64)
            validation = (tables.train, carved)
        else:
            validation = (self._own_validation[0].table, self._own_validation[0].rows)
            carved = validation[1][:0]
        shared = shared_pictures({
            "training": (tables.train, np.setdiff1d(pictures.rows, carved)),
            "validation": validation,
            "test": (test.table, test.rows),
        })  # fmt: skip
        share = self._carved_validation
        part = f"{share:g} of the" if share < 1 else f"{share:,g}"
        splits = [
            ("training", tables.names[0], data.train.labels),
            ("validation", tables.names[1] or f"{part} training images", data.validation.labels),
            ("test", tables.names[2] or f"{TEST_SHARE:g} of all, for every seed", test.labels),
        ]
        left_out = Counter[str]()
        for table in (tables.train, validation[0], test.table):
            left_out |= Counter(table.left_out)
        return inventory_of(data.classes, splits, left_out, [*tables.notes, *shared])

    @cached_property
    def _tables(self) -> Tables:
        given = self._validation
        return open_splits(
            self._path,
            self._splits,
            validation=given if isinstance(given, str) else None,
            test=self._test_name,
            carve=isinstance(given, int | float),
            columns=self._columns,
        )

    @property
    def _carved_validation(self) -> float:
        """The share or number of training images, where the validation split is carved."""
        given = self._validation
        return VALIDATION_SHARE if given is None or isinstance(given, str) else given

    @cached_property
    def _own_validation(self) -> tuple[StoredPictures, ImageSet] | None:
        """The validation split that is apart: its pictures, and the images made of them."""
        table = self._tables.validation
        if table is None:
            return None
        return self._kept(self._of(table, np.arange(len(table)), self._pictures.format))

    @cached_property
    def _carved_test(self) -> tuple[Rows, Rows]:
        """The rows for training, and the rows of the test split, where it is not apart."""
        table = self._tables.train
        if self._tables.test is not None:
            return np.arange(len(table)), np.empty(0, dtype=np.int64)
        generator = CONSTANT_STREAMS.generator("test")
        return carve(table.labels, TEST_SHARE, generator, "test", table.classes)

    @cached_property
    def _train_rows(self) -> Rows:
        """The training pictures, with those of a validation split that is carved from them."""
        table = self._tables.train
        check_enough(self._tables)
        rows, _ = self._carved_test
        if self._limit is not None:
            order = in_proportion(table.labels[rows], CONSTANT_STREAMS.generator("limit"))
            rows = np.sort(rows[order[: self._limit]])
            least = len(table.classes) * (1 + (self._tables.validation is None))
            if self._limit < least:
                raise DataError(
                    f"limit={self._limit} is too small for {len(table.classes)} classes, each of "
                    f"which needs an image in every split; give {least} or more"
                )
        return rows

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._tables.train, self._train_rows, self._wishes)

    @cached_property
    def _pictures(self) -> StoredPictures:
        return self._of(self._tables.train, self._train_rows, self._survey.format)

    @cached_property
    def _test_pictures(self) -> StoredPictures:
        table, (_, rows) = self._tables.test, self._carved_test
        if table is None:
            return self._of(self._tables.train, rows, self._pictures.format)
        return self._of(table, np.arange(len(table)), self._pictures.format)

    @cached_property
    def _training(self) -> tuple[StoredPictures, ImageSet]:
        """The training pictures; those kept in memory are decoded once, whatever the seeds."""
        return self._kept(self._pictures)

    def _of(self, table: PictureTable, rows: Rows, chosen: Format) -> StoredPictures:
        classes = self._tables.train.classes
        return stored_pictures(table, rows, classes, chosen, self._workers, self._skip)

    def _kept(self, pictures: StoredPictures) -> tuple[StoredPictures, ImageSet]:
        """The pictures, and the images made of them: on disk, or in memory without broken ones."""
        stored = self._stored
        if stored is None:
            stored = self._pictures.nbytes > LARGEST_IN_MEMORY
        if stored:
            return pictures, pictures
        images = decoded(pictures)
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
