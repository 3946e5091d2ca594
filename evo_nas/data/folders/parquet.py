"""Pictures in parquet files, through Hugging Face ``datasets`` (the extra ``data``).

Parquet is read in groups of rows, 100 pictures and more, and training wants single pictures in a
random order. ``datasets`` writes the files once to its cache as Arrow, of which a row is read
without its neighbours: a copy of all data, and hundreds of times as fast (see
``benchmarks/picture_reading.py``). Nothing is fetched from the network.

Why: docs/decisions/026-reading-pictures.md.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evo_nas.data.decode import Content
from evo_nas.data.images import Digest, Rows
from evo_nas.data.inventory import named_classes
from evo_nas.data.pictures import PictureTable, imported
from evo_nas.errors import DataError, PictureError

from .columns import image_column, label_column
from .labels import is_missing, read_labels

LONG = 2**30  # bytes of parquet whose copying is worth showing


@dataclass(frozen=True, slots=True)
class ParquetTable(PictureTable):
    """The rows of parquet files, a ``datasets.Dataset``; which columns are pictures, labels."""

    dataset: Any
    column: str
    label: str

    @property
    def place(self) -> str:
        return f"the cache of Hugging Face datasets, {import_datasets().config.HF_DATASETS_CACHE}"

    @property
    def version(self) -> str:
        return f"{self.dataset._fingerprint}, {self.column}"  # of the files' paths, sizes, times

    def picture(self, row: int) -> tuple[str, Content]:
        name = f"row {row} of {self.source}"
        found = self.dataset.data.column(self.column)[row].as_py()
        content = found["bytes"] or found.get("path") if isinstance(found, dict) else found
        if not content:
            raise PictureError(f"{name} has no picture; remove the row")
        return (content if isinstance(content, str) else name), content

    def bytes_of(self, rows: Rows) -> Rows:
        from pyarrow import compute, types  # comes with datasets

        contents = self.dataset.data.column(self.column)
        if types.is_struct(contents.type):
            contents = compute.struct_field(contents, "bytes")
        sizes = compute.fill_null(compute.binary_length(contents), 0)  # stand beside the pictures
        found: Rows = sizes.to_numpy()[rows].astype(np.int64)
        return found

    def feed(self, digest: Digest, rows: Rows) -> None:
        digest.update(self.bytes_of(rows).astype("<i8").data)


def open_parquet(
    paths: Sequence[Path], image: str | None = None, label: str | None = None
) -> ParquetTable:
    """Open parquet files as one table; ``image`` and ``label`` are columns, as of open_rows."""
    datasets = import_datasets()
    source = paths[0] if len(paths) == 1 else paths[0].parent
    patterns = [glob.escape(str(path.resolve())) for path in paths]
    show = sum(path.stat().st_size for path in paths) > LONG
    (datasets.enable_progress_bars if show else datasets.disable_progress_bars)()
    try:
        dataset = datasets.load_dataset("parquet", data_files={"train": patterns}, split="train")
    except Exception as error:  # datasets raises what it meets, of many kinds
        reason = " ".join(str(error).split())
        raise DataError(f"{source} cannot be read as parquet: {reason}") from error
    table = open_rows(dataset, source, image, label)
    _check_alike(paths, table.label)
    return table


def open_rows(
    dataset: Any, source: Path, image: str | None = None, label: str | None = None
) -> ParquetTable:
    """The rows of a ``datasets.Dataset``, whose columns are found by their types and names.

    ``image`` and ``label`` name them where that is known. A table whose rows have no labels at all
    has no classes.
    """
    datasets = import_datasets()
    if not len(dataset):
        raise DataError(f"{source} holds no pictures")
    dataset = dataset.with_format(None)
    if getattr(dataset, "_indices", None) is not None:  # it was shuffled, or is a part
        datasets.disable_progress_bars()
        dataset = dataset.flatten_indices()
    pictures = image_column(datasets, dataset, image, source)
    column = label_column(datasets, dataset, label, pictures, source)
    names = _class_names(datasets, dataset.features[column])
    labels, classes = read_labels(dataset[column][:], names, column, source)
    unused = sorted(set(names or ()) - set(classes)) if classes else []
    notes = [f"no picture is of {named_classes(unused)}, left out"] if unused else []
    return ParquetTable(source, labels, classes, dataset, pictures, column, notes=tuple(notes))


def _check_alike(paths: Sequence[Path], column: str) -> None:
    """Labels of one split must mean the same in all its files; else datasets takes the first's."""
    from pyarrow import parquet  # comes with datasets

    first = None
    for path in paths:
        schema = parquet.read_schema(path)
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        feature = told.get("info", {}).get("features", {}).get(column)
        found = (str(schema.field(column).type), feature)
        first = first or found
        if found != first:
            raise DataError(
                f"{path}: labels in column {column!r} are not of the same type, or have not the "
                f"same class names, as in {paths[0]}; write both files anew, alike"
            )


def has_labels(paths: Sequence[Path], column: str) -> bool:
    """Whether any row has one, in a column of that name; no picture is read for it."""
    from pyarrow import parquet  # comes with datasets

    for path in paths:
        try:
            if column not in parquet.read_schema(path).names:
                continue
            stored = parquet.read_table(path, columns=[column]).column(column).to_pylist()
        except Exception as error:  # pyarrow raises what it meets, of many kinds
            raise DataError(f"{path} cannot be read as parquet: {error}") from error
        if any(not is_missing(value) for value in stored):
            return True
    return False


def has_label(dataset: Any, column: str) -> bool:
    """The same of rows that are open."""
    if column not in dataset.column_names:
        return False
    return any(not is_missing(value) for value in dataset.with_format(None)[column][:])


def import_datasets() -> Any:
    """The package, kept from the network."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # both are read when datasets is imported
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    return imported("datasets")


def _class_names(datasets: Any, feature: Any) -> Sequence[str] | None:
    """The names of a class label, or of a list of such."""
    inside = getattr(feature, "feature", feature)
    if isinstance(inside, list):
        inside = inside[0]
    return list(inside.names) if isinstance(inside, datasets.ClassLabel) else None
