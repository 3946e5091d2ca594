"""A table of paths and labels, ``labels.csv``: one line for each picture.

The first line names the columns: that of paths, from the table's folder, is called ``path``,
``file``, ``image`` or the like, that of labels ``label``, ``class`` or the like. A column called
``split`` says which split a picture is of. Values stand between commas, semicolons or tabs.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from evo_nas.core.plugins.registry import LISTINGS
from evo_nas.errors import DataError, nearest, plain

from .class_folders import FolderTable
from .columns import LABEL_NAMES
from .labels import read_labels
from .splits import Split, Splits, role, training_split

_PATHS = """
path paths file files filename file_name filepath file_path image images image_path imagepath
image_file image_name img img_path picture name
"""
_SPLITS = ("split", "set", "subset", "partition", "fold")
Row = dict[str, str]


def is_listing(path: Path) -> bool:
    """Whether this is such a table, by its ending."""
    return path.suffix.lower() in LISTINGS


def listed_splits(path: Path) -> Splits:
    """The splits that the table's lines are of; without such a column, all are to train on.

    Raises:
        DataError: it cannot be read, or no split is to be trained on.
    """
    rows = _rows(path)
    column = _split_column(rows)
    if column is None:
        return Splits(Split("", (path,)))
    splits = [Split(name, (path,)) for name in dict.fromkeys(row[column] for row in rows)]
    train = training_split(splits)
    if train is None:
        told = ", ".join(plain(split.name) for split in splits[:4])
        raise DataError(f"{path}, {column}: the splits are {told}; call one of them train")
    held_out = tuple(split for split in splits if split is not train)
    return Splits(train, held_out)


def open_listing(split: Split, image: str | None = None, label: str | None = None) -> FolderTable:
    """The pictures of a split; ``image`` and ``label`` name the columns where that is needed.

    Raises:
        DataError: columns or files are missing, or a picture has two labels.
    """
    path = split.paths[0]
    rows = _rows(path)
    columns = list(rows[0])
    image = _column(columns, image, _PATHS, "image", path)
    label = _column([c for c in columns if c != image], label, LABEL_NAMES, "label", path)
    part = _split_column(rows)
    numbered = [
        (number, row)
        for number, row in enumerate(rows, start=2)
        if part is None or not split.name or row[part] == split.name
    ]
    texts = [row[label].strip() for _, row in numbered]
    labels: list[object] = list(texts)
    if all(text.lstrip("-").isdecimal() for text in texts):
        labels = [int(text) for text in texts]  # classes in the order of their numbers
    found, classes = read_labels(labels, None, label, path)
    names, sizes, seen = list[bytes](), list[int](), dict[str, int]()
    for (number, row), place in zip(numbered, found.tolist(), strict=True):
        name = row[image].strip()
        if seen.setdefault(name, place) != place:
            raise DataError(
                f"{path}, line {number}: {plain(name)} has two labels; leave one line for it"
            )
        try:
            sizes.append(os.stat(path.parent / name).st_size)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: there is no file {plain(name)}; paths begin in the "
                "table's folder: correct it, or remove the line"
            ) from error
        names.append(os.fsencode(name))
    return FolderTable(
        path.parent, found, classes, np.array(names, np.bytes_), np.array(sizes, np.int64)
    )


def _rows(path: Path) -> list[Row]:
    """The lines, by the names of columns; all lines have all of them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            rows = list(csv.DictReader(file, delimiter=delimiter, restval="", strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error
    if not rows:
        raise DataError(f"{path} has no lines below its names of columns, as path,label")
    if None in rows[0] or not all(rows[0]):
        raise DataError(f"{path}: its first line must name every column, as path,label")
    return rows


def _split_column(rows: list[Row]) -> str | None:
    """The column of splits: called so, and with names of splits in it."""
    for column in rows[0]:
        if column.strip().lower() in _SPLITS and any(role(row[column]) for row in rows):
            return column
    return None


def _column(columns: list[str], wanted: str | None, usual: str, what: str, path: Path) -> str:
    if wanted is not None:
        if wanted not in columns:
            raise DataError(f"{path} has no column {wanted!r}; {nearest(wanted, columns)}")
        return wanted
    found = [column for column in columns if column.strip().lower() in usual.split()]
    if len(found) != 1:
        told = ", ".join(map(plain, columns))
        example = found[0] if found else columns[0] if columns else "NAME"
        raise DataError(
            f"{path}: which column is the {what} is not clear (columns: {told}); its first line "
            f"names the columns, as path,label; or say it, as {what}_column={plain(example)}"
        )
    return found[0]
