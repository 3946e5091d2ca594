"""Pictures in parquet files, through Hugging Face ``datasets`` (the extra ``data``).

Parquet is read in groups of rows, 100 pictures and more, and training wants single pictures in a
random order. ``datasets`` writes the files once to its cache as Arrow, of which a row is read
without its neighbours: a copy of all data, and hundreds of times as fast (see
``benchmarks/picture_reading.py``). Nothing is fetched from the network.

Why: docs/decisions/026-reading-pictures.md.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evo_nas.data.decode import Content
from evo_nas.data.images import Digest, Rows
from evo_nas.data.pictures import PictureTable, imported
from evo_nas.errors import DataError, PictureError, nearest

LONG = 2**30  # bytes of parquet whose copying is worth showing


@dataclass(frozen=True, slots=True)
class ParquetTable(PictureTable):
    """The rows of parquet files; ``column`` of the ``datasets.Dataset`` holds the pictures."""

    dataset: Any
    column: str

    @property
    def place(self) -> str:
        return f"the cache of Hugging Face datasets, {import_datasets().config.HF_DATASETS_CACHE}"

    def picture(self, row: int) -> tuple[str, Content]:
        name = f"row {row} of {self.source}"
        found = self.dataset.data.column(self.column)[row].as_py()
        if found is None or not (found["bytes"] or found["path"]):
            raise PictureError(f"{name} has no picture; remove the row")
        return (name, found["bytes"]) if found["bytes"] else (found["path"], found["path"])

    def feed(self, digest: Digest, rows: Rows) -> None:
        from pyarrow import compute  # comes with datasets

        contents = compute.struct_field(self.dataset.data.column(self.column), "bytes")
        sizes = compute.fill_null(compute.binary_length(contents), 0)  # stand beside the pictures
        digest.update(sizes.to_numpy()[rows].astype("<i8").data)


def open_parquet(
    paths: Sequence[Path], image_column: str | None = None, label_column: str | None = None
) -> ParquetTable:
    """Open parquet files as one table, whose columns are found by their types."""
    datasets = import_datasets()
    source = paths[0] if len(paths) == 1 else paths[0].parent
    patterns = [glob.escape(str(path.resolve())) for path in paths]
    show = sum(path.stat().st_size for path in paths) > LONG
    (datasets.enable_progress_bars if show else datasets.disable_progress_bars)()
    try:
        dataset = datasets.load_dataset("parquet", data_files={"train": patterns}, split="train")
    except Exception as error:  # datasets raises what it meets, of many kinds
        raise DataError(f"{source} cannot be read as parquet: {error}") from error
    images = [n for n, f in dataset.features.items() if _is_image(datasets, f)]
    labels = [n for n, f in dataset.features.items() if isinstance(f, datasets.ClassLabel)]
    if not labels:
        labels = [n for n, f in dataset.features.items() if "int" in getattr(f, "dtype", "")]
    image = _column("image", images, image_column, source, dataset.column_names)
    label = _column("label", labels, label_column, source, dataset.column_names)
    values, classes = _labels(datasets, dataset, label, source)
    return ParquetTable(source, values, classes, dataset, image)


def import_datasets() -> Any:
    """The package, kept from the network."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # both are read when datasets is imported
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    return imported("datasets")


def _labels(datasets: Any, dataset: Any, column: str, source: Path) -> tuple[Rows, tuple[str, ...]]:
    stored = dataset[column][:]
    if not stored:
        raise DataError(f"{source} holds no pictures")
    unlabelled = [row for row, value in enumerate(stored) if value is None or value < 0]
    if unlabelled:
        raise DataError(
            f"row {unlabelled[0]} of {source} has no label; remove such rows, or name another "
            "split to test on, such as test=validation"
        )
    values: Rows = np.asarray(stored, dtype=np.int64)
    feature = dataset.features[column]
    if isinstance(feature, datasets.ClassLabel):
        return values, tuple(feature.names)
    distinct, values = np.unique(values, return_inverse=True)
    return values.astype(np.int64), tuple(str(value) for value in distinct)


def _is_image(datasets: Any, feature: Any) -> bool:
    if isinstance(feature, dict):  # an image that was written without Hugging Face's own notes
        return set(feature) == {"bytes", "path"}
    return isinstance(feature, datasets.Image)


def _column(
    what: str, found: list[str], wanted: str | None, source: Path, columns: list[str]
) -> str:
    if wanted is not None:
        if wanted not in columns:
            raise DataError(f"{source} has no column {wanted!r}; {nearest(wanted, columns)}")
        return wanted
    if len(found) == 1:
        return found[0]
    if not found and what == "label":
        raise DataError(
            f"{source} has no labels (columns: {', '.join(columns)}); give parquet files a column "
            "of class numbers"
        )
    raise DataError(
        f"{source} has {len(found) or 'no'} columns that may be the {what} "
        f"(columns: {', '.join(columns)}); name it, such as {what}_column={columns[0]}"
    )
