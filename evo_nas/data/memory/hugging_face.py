"""Datasets of Hugging Face that are open already."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evo_nas.data.folders.hub import splits_of
from evo_nas.data.folders.image_folder import ImageFolder
from evo_nas.data.folders.splits import Splits
from evo_nas.data.images import Digest
from evo_nas.errors import PictureError

WHAT = "the dataset given"


def is_hugging_face(data: Any) -> bool:
    """Whether this is a ``datasets.Dataset``; nothing is imported for it."""
    datasets = sys.modules.get("datasets")
    return datasets is not None and isinstance(data, datasets.Dataset)


class HeldDatasets(ImageFolder):
    """Open datasets, by their splits, read as parquet files are; ``options`` are those of these."""

    def __init__(self, datasets: Mapping[str, Any], **options: Any) -> None:
        self._datasets = datasets
        super().__init__(WHAT, **options)

    def _find_splits(self) -> Splits:
        return splits_of(self._datasets, WHAT)

    def feed_all(self, digest: Digest) -> None:
        """Take all pictures and labels into the digest that tells them from others."""
        tables = self._tables
        for table in (tables.train, tables.validation, tables.test):
            if table is None:
                digest.update(b"none")
                continue
            digest.update(repr((len(table), table.classes)).encode())
            digest.update(table.labels.astype("<i8").data)
            for row in range(len(table)):
                try:
                    _, content = table.picture(row)
                except PictureError:  # it is told of when it is decoded
                    content = b""
                body = Path(content).read_bytes() if isinstance(content, str) else content
                digest.update(np.int64(len(body)).tobytes())
                digest.update(body)
