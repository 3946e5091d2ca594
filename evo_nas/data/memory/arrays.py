"""Arrays of images and labels as a source of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evo_nas.core.streams import Streams
from evo_nas.data.folders.labels import read_labels
from evo_nas.data.folders.splits import Split, choose_held_out, training_split
from evo_nas.data.images import Digest, Images, Rows
from evo_nas.data.inventory import Inventory, inventory_of
from evo_nas.data.source import DataSource, SearchData, carve, check_test, search_data
from evo_nas.errors import DataError, nearest

from .pixels import Layout, pixels_of
from .shared import shared_images

WHAT = "the data given"
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1  # as of folders


class ArrayImages(DataSource):
    """Images and labels in memory, by split; see :func:`evo_nas.data.given`.

    Without a test split a fifth of the images becomes it, chosen by a constant; without a
    validation split a tenth, chosen by the seed.

    Args:
        splits: images and labels by the name of the split, such as train, val and test.
        layout: what the axes of images are, ``NHW``, ``NHWC`` or ``NCHW``, where their number of
            channels does not tell.
        values: what is black and what is white, as in ``values="-1..1"``; what lies beyond is
            clipped.
        classes: names of the classes of labels 0, 1 and so on.
        validation: the validation split: its name, or a share or number of the training images.
        test: the name of the split to test on, where there are several.
    """

    def __init__(
        self,
        splits: Mapping[str, tuple[Any, Any]],
        *,
        layout: Layout | None = None,
        values: str | None = None,
        classes: Sequence[str] | None = None,
        validation: float | str | None = None,
        test: str | None = None,
    ) -> None:
        names = [Split(name, ()) for name in splits]
        train = training_split(names)
        if train is None:
            told = ", ".join(splits)
            raise DataError(f"{WHAT} has splits {told}, but not one called 'train'; call one so")
        own = validation if isinstance(validation, str) else None
        carved = isinstance(validation, int | float)
        held_out = [each for each in names if each is not train and each.role != train.role]
        chosen = choose_held_out(held_out, own, test, carved, Path(WHAT))
        used = {
            what: each.name
            for what, each in zip(("train", "validation", "test"), (train, *chosen), strict=True)
            if each is not None
        }
        given = {name: splits[name] for name in used.values()}
        pixels, self._notes = pixels_of({n: s[0] for n, s in given.items()}, layout, values)
        self._notes += [f"split {name} is left out" for name in splits if name not in given]
        self._share = VALIDATION_SHARE if own or validation is None else float(validation)
        known = None if classes is None else tuple(map(str, classes))
        labels = {name: _labels(name, s[1], known, len(pixels[name])) for name, s in given.items()}
        self.classes = labels[train.name][1]
        self._splits = {
            what: Images(torch.from_numpy(pixels[name]), self._placed(name, *labels[name]))
            for what, name in used.items()
        }
        self._names = used

    def feed_all(self, digest: Digest) -> None:
        """Take all that is given into the digest that tells it from others."""
        digest.update(repr((self.classes, self._share, list(self._splits))).encode())
        for images in self._splits.values():
            images.feed(digest)

    def load(self, seed: int) -> SearchData:
        images, (kept, _) = self._splits["train"], self._carved_test
        if "validation" in self._splits:
            train, validation = images.take(kept), self._splits["validation"]
            rows = np.empty(0, dtype=np.int64)
        else:
            generator = Streams(seed).generator("folder", "split")
            labels = images.labels.numpy()[kept]
            inside, carved = carve(labels, self._share, generator, classes=self.classes)
            rows = kept[carved]
            train, validation = images.take(kept[inside]), images.take(rows)
        return search_data(NAME, train, validation, self.classes, rows, notes=self._notes)

    def test(self) -> Images:
        if "test" in self._splits:
            return self._splits["test"]
        return self._splits["train"].take(self._carved_test[1])

    def inventory(self, data: SearchData) -> Inventory:
        test = self.test()
        check_test(test, data)
        names = self._names
        part = f"{self._share:g} of the" if self._share < 1 else f"{self._share:,g}"
        splits = [
            ("training", names["train"], data.train.labels),
            ("validation", names.get("validation", f"{part} training images"),
             data.validation.labels),
            ("test", names.get("test", f"{TEST_SHARE:g} of all, for every seed"), test.labels),
        ]  # fmt: skip
        sets = {"training": data.train, "validation": data.validation, "test": test}
        return inventory_of(data.classes, splits, notes=shared_images(sets))

    @cached_property
    def _carved_test(self) -> tuple[Rows, Rows]:
        """The rows for training, and the rows of the test split, where it is not apart."""
        labels = self._splits["train"].labels.numpy()
        if "test" in self._splits:
            return np.arange(len(labels)), np.empty(0, dtype=np.int64)
        return carve(labels, TEST_SHARE, Streams(0).generator("test"), "test", self.classes)

    def _placed(self, name: str, labels: Rows, classes: Sequence[str]) -> torch.Tensor:
        """Labels as places among the training split's classes."""
        places = {each: place for place, each in enumerate(self.classes)}
        if unknown := [each for each in classes if each not in places]:
            raise DataError(
                f"the split {name!r} has class {unknown[0]!r}, which the training split has not; "
                f"{nearest(unknown[0], self.classes)}"
            )
        return torch.from_numpy(np.array([places[each] for each in classes], np.int64)[labels])


NAME = "given images"


def _labels(
    name: str, labels: Any, classes: Sequence[str] | None, count: int
) -> tuple[Rows, tuple[str, ...]]:
    """Labels (n,) of one split, and the classes of which they are places."""
    if hasattr(labels, "detach"):  # a tensor
        labels = labels.detach().cpu().numpy()
    values = np.asarray(labels)
    if values.ndim not in (1, 2) or values.dtype.kind not in "buifUSO":
        raise DataError(
            f"the labels of {name!r} are {values.dtype} {values.shape}; give one for each image"
        )
    if len(values) != count:
        raise DataError(f"the split {name!r} has {count} images and {len(values)} labels")
    found, names = read_labels(values.tolist(), classes, "label", Path(f"{WHAT}, {name}"))
    if not names:
        raise DataError(f"the split {name!r} has no labels; give each image a class")
    return found, names
