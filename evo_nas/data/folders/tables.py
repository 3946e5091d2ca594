"""From a path to the tables of its splits: found, chosen, opened."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evo_nas.data.pictures import PictureTable, imported
from evo_nas.errors import DataError, counted, plain

from .class_folders import list_folder
from .files import readable
from .folder_splits import find_folder_splits
from .hub import PREFIX, hub_splits
from .listing import is_listing, listed_splits, open_listing
from .parquet import ParquetTable, has_label, has_labels, open_parquet, open_rows
from .parquet_splits import find_parquet_splits
from .splits import TEST, TRAINING, Split, Splits, choose_held_out, role

DEEPEST = ("*.parquet", "*/*.parquet", "*/*/*.parquet", "*/*/*/*.parquet")


@dataclass(frozen=True, slots=True)
class Tables:
    """The pictures to train on, and those to validate and to test on where they are apart.

    ``names`` are those of the splits, in this order, and empty where there is none.
    """

    train: PictureTable
    validation: PictureTable | None
    test: PictureTable | None
    names: tuple[str, str, str]
    notes: tuple[str, ...]


@readable()
def find_splits(path: Path) -> Splits:
    """The splits of a folder of pictures or of parquet files, of one file, or of a dataset's name.

    Raises:
        DataError: there are none, or they are not clear.
    """
    if str(path).startswith(PREFIX):
        return hub_splits(str(path))
    if path.is_file() and is_listing(path):
        return listed_splits(path)
    if path.is_file() and path.suffix == ".parquet":
        return Splits(Split(path.name, (path,)))
    if not path.is_dir():
        raise DataError(f"{path} is no folder; give a folder of class folders or parquet files")
    usual = [*path.glob(DEEPEST[0]), *(path / "data").glob(DEEPEST[0])]
    if any(role(file.stem) == TRAINING for file in usual):
        found = find_parquet_splits(path, usual)
    else:
        imported("PIL")
        found = find_folder_splits(path)
    if found is None:
        found = find_parquet_splits(path, _visible(path))
    if found is None:
        kinds = Counter(os.path.splitext(name)[1] or name for name in os.listdir(path)[:1000])
        there = ", ".join(plain(kind) for kind, _ in kinds.most_common(4)) or "nothing"
        raise DataError(
            f"{path} has pictures in no class folders, and no parquet files, but {there}; make one "
            "folder for each of at least two classes"
        )
    return found


def _visible(path: Path) -> list[Path]:
    found = [file for pattern in DEEPEST for file in path.glob(pattern)]
    return [f for f in found if not any(p.startswith(".") for p in f.relative_to(path).parts)]


def open_splits(
    path: Path,
    splits: Splits,
    *,
    validation: str | None,
    test: str | None,
    carve: bool,
    columns: tuple[str | None, str | None],
) -> Tables:
    """Open them; what serves as validation and as test is named, or follows from their names.

    With ``carve`` the validation split is carved from the training images. ``columns`` name those
    of images and labels in parquet files, where it is needed.

    Raises:
        DataError: one cannot be read, or which one serves as what is not clear.
    """
    train = _opened(splits.train, columns, fewest=2)
    if not train.classes:
        raise DataError(
            f"{splits.train.paths[0]} has no labels to train by; give each picture a class"
        )
    held_out = splits.held_out
    if isinstance(train, ParquetTable):
        columns = (train.column, train.label)
        held_out = tuple(replace(s, labelled=_is_labelled(s, train.label)) for s in held_out)
    chosen = choose_held_out(held_out, validation, test, carve, path)
    tables = [None if split is None else _opened(split, columns, fewest=1) for split in chosen]
    validated, tested = ("" if split is None else split.name for split in chosen)
    notes = list(splits.notes)
    for split in held_out:
        if not split.labelled:
            by = f" in a column {columns[1]!r}" if isinstance(train, ParquetTable) else ""
            notes.append(f"{split.place} is left out: nothing in it has a label{by}")
        elif split not in chosen:
            notes.append(f"{split.place} is left out: another split is used")
    if tested and role(tested) != TEST and not validated and test is None:
        notes.append(
            f"{tested}, the only split held out, is tested on; validation={tested} validates on it"
        )
    by = f", by column {train.label}" if isinstance(train, ParquetTable) else ""
    names = (f"{splits.train.name or path.name}{by}", validated, tested)
    return Tables(train, tables[0], tables[1], names, (*train.notes, *notes))


def check_enough(tables: Tables) -> None:
    """Every class needs a picture in each split that is carved, and one to train on.

    Raises:
        DataError: a class has too few.
    """
    apart = {"validation": tables.validation, "test": tables.test}
    carved = [f"one for the {name} split" for name, table in apart.items() if table is None]
    table = tables.train
    sizes = np.bincount(table.labels, minlength=len(table.classes))
    scarce, fewest = table.classes[int(sizes.argmin())], int(sizes.min())
    if fewest <= len(carved):
        raise DataError(
            f"{table.source}: class {scarce!r} has {counted(fewest, 'image')}, but needs "
            f"{len(carved) + 1}: {', '.join(carved)}, one to train on; add images of it or leave "
            "the class out"
        )


def _is_labelled(split: Split, column: str) -> bool:
    if split.rows is not None:
        return has_label(split.rows, column)
    return has_labels(split.paths, column)


@readable()
def _opened(split: Split, columns: tuple[str | None, str | None], fewest: int) -> PictureTable:
    imported("PIL")
    if split.rows is not None:
        return open_rows(split.rows, split.paths[0], *columns)
    if is_listing(split.paths[0]):
        return open_listing(split, *columns)
    if split.paths[0].suffix == ".parquet":
        return open_parquet(split.paths, *columns)
    return list_folder(split.paths[0], fewest)
