"""Images that were given from Python, found again by a fingerprint of them.

A run keeps its images by a spec, a text. That of images in memory is ``given?fingerprint=...``, a
digest of every pixel, label, name of a class and option: this process holds them by it until it
ends, and another one is told to be given the same again. What is held is a copy, so that arrays may
be changed afterwards.

Why: docs/decisions/059-images-in-memory.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from evo_nas.data.source import DataSource
from evo_nas.errors import DataError

from .arrays import ArrayImages
from .datasets import collected, is_dataset
from .hugging_face import HeldDatasets, is_hugging_face

NAME = "given"
_held: dict[str, DataSource] = {}


def given(data: Any, **options: Any) -> DataSource:
    """The images of arrays, tensors or datasets, for ``evo_nas.run(data=...)``.

    ``run`` takes ``data`` as it is, too; with ``options`` it is said what cannot be seen in it.

    Args:
        data: ``(images, labels)`` of NumPy arrays or tensors; a map-style dataset of PyTorch whose
            items are such pairs, or with Pillow's pictures; a Hugging Face ``Dataset``; or a dict
            of these by the names of splits, as a ``DatasetDict`` is. Images are uint8, or other
            numbers of which 0..1, 0..255, 0..4095 or 0..65535 are black and white; grey ones are
            (n, height, width). Labels are numbers, texts or one-hot rows (n, classes).
        options: of arrays those of :class:`evo_nas.data.memory.arrays.ArrayImages`, as
            ``layout="NCHW"`` or ``values="-1..1"``; of Hugging Face's those of a folder, as
            ``label_column="fine_label"``.

    Raises:
        DataError: the data cannot be searched on.
    """
    splits = dict(data) if isinstance(data, Mapping) else {"train": data}
    if not splits:
        raise DataError("data is an empty dict; give splits, as {'train': (images, labels)}")
    unnamed = [name for name in splits if not isinstance(name, str)]
    if unnamed:
        raise DataError(f"data has a split {unnamed[0]!r}; call splits as 'train' and 'test'")
    source: ArrayImages | HeldDatasets
    try:
        if all(is_hugging_face(each) for each in splits.values()):
            source = HeldDatasets(splits, **options)
        else:
            arrays = {name: _arrays(name, each) for name, each in splits.items()}
            source = ArrayImages(arrays, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise DataError(f"data: {str(error).partition('() ')[2]}; leave it out") from error
    digest = hashlib.sha256(repr(sorted(options.items())).encode())
    source.feed_all(digest)
    fingerprint = digest.hexdigest()[:32]
    held = _held.setdefault(fingerprint, source)
    held.spec = f"{NAME}?fingerprint={fingerprint}"  # type: ignore[attr-defined]
    return held


def _arrays(name: str, split: Any) -> tuple[Any, Any]:
    """Images and labels of one split, with the names of classes where a dataset has them."""
    if is_dataset(split):
        return collected(name, split)
    if isinstance(split, tuple | list) and len(split) == 2:
        return split[0], split[1]
    raise DataError(
        f"data[{name!r}] is of type {type(split).__name__}; give (images, labels) "
        "of arrays or tensors, a map-style torch Dataset or a Hugging Face Dataset"
    )


def held(fingerprint: str) -> DataSource:
    """Images that this process was given, as arrays or datasets, from Python.

    Args:
        fingerprint: of all pixels, labels and options, by which they are told apart.
    """
    if fingerprint not in _held:
        raise DataError(
            f"the images were given from Python (fingerprint {fingerprint[:8]}), and not to this "
            "process; give the same again, as in evo_nas.resume(RUN, data=(images, labels))"
        )
    return _held[fingerprint]
