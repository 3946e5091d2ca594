"""Datasets of PyTorch, read once, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evo_nas.core.plugins.blame import describe
from evo_nas.errors import DataError

LOOKED_AT = 3  # items that are read twice: are they the same?
_KEYS = (("image", "label"), ("img", "label"), ("pixel_values", "labels"))


def is_dataset(data: Any) -> bool:
    """Whether this is a dataset of PyTorch, or what has its methods; not a pair of arrays."""
    if isinstance(data, tuple | list | Mapping | np.ndarray):
        return False
    return hasattr(type(data), "__getitem__") or hasattr(type(data), "__iter__")


def collected(name: str, dataset: Any) -> tuple[Any, Any]:
    """The images and the labels of all items, the latter by their names if the dataset has some.

    Raises:
        DataError: items cannot be read, or are no such pairs; or change from one time to the next.
    """
    if not hasattr(type(dataset), "__getitem__") or not hasattr(type(dataset), "__len__"):
        raise DataError(
            f"data[{name!r}] is a {type(dataset).__name__}, which has no length or places; give "
            "a map-style dataset, with __len__ and __getitem__"
        )
    images, labels = list[Any](), list[Any]()
    for place in range(len(dataset)):
        image, label = _item(name, dataset, place)
        if place < LOOKED_AT and not np.array_equal(image, _item(name, dataset, place)[0]):
            raise DataError(
                f"data[{name!r}], item {place}: reading it twice gives two pictures; take random "
                "transforms out of the dataset: the recipe has its own augmentation"
            )
        if images and image.shape != images[0].shape:
            raise DataError(
                f"data[{name!r}], item {place}: the picture is {image.shape}, the first "
                f"{images[0].shape}; make all of one size, by a transform that resizes"
            )
        images.append(image)
        labels.append(label)
    if not images:
        raise DataError(f"the split {name!r} has no images; leave it out")
    names = getattr(dataset, "classes", None)
    if names and all(isinstance(each, int) and 0 <= each < len(names) for each in labels):
        labels = [str(names[each]) for each in labels]
    return np.stack(images), np.asarray(labels)


def _item(name: str, dataset: Any, place: int) -> tuple[Any, Any]:
    """The picture as an array, and the label as a plain value."""
    try:
        item = dataset[place]
    except Exception as error:  # it may be anybody's
        raise DataError(
            f"data[{name!r}], item {place} cannot be read: {describe(error)}"
        ) from error
    if isinstance(item, Mapping):
        keys = next((keys for keys in _KEYS if set(keys) <= item.keys()), None)
        item = item if keys is None else tuple(item[key] for key in keys)
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise DataError(
            f"data[{name!r}], item {place} is of type {type(item).__name__}; items must "
            "be (image, label)"
        )
    image, label = item
    if hasattr(image, "convert"):  # Pillow's; a palette or transparency is no array of colours
        if image.mode not in ("L", "RGB", "1", "I;16", "F"):
            raise DataError(
                f"data[{name!r}], item {place}: the picture's mode is {image.mode}; convert it "
                "by a transform, as image.convert('RGB')"
            )
        image = np.array(image)
    elif hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
    label = label.tolist() if hasattr(label, "tolist") else label
    return np.asarray(image), label
