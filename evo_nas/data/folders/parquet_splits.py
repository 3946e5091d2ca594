"""Which parquet files of a folder belong to which split, as Hugging Face and others name them.

A file is of the split that a folder above it or its own name says: ``train-00000-of-00001``,
``train/0000``, ``plain_text/cifar10-test``.

Why: docs/decisions/037-splits.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from evo_nas.errors import DataError

from .splits import TRAINING, Split, Splits, role, training_split

# What tells apart the files of one split: -00000-of-00002, a digest; where the name says that it is
# a split also any number, and names that are numbers alone. But cifar10 and cifar100 are two sets.
_OF = re.compile("[-_.][0-9]+[-_]of[-_][0-9]+([-_][0-9a-f]{8,})?$")
_NUMBER = re.compile("[-_.]*(part|shard|chunk|batch|file)?[-_.]*[0-9]+([-_][0-9a-f]{8,})?$", re.I)


def find_parquet_splits(path: Path, files: Iterable[Path]) -> Splits | None:
    """The splits that these files in ``path``, at any depth, make up; None without files.

    Raises:
        DataError: they are several sets, or which of them are to be trained on cannot be known.
    """
    homes: dict[Path, dict[str, list[Path]]] = {}
    for file in sorted(files):
        home, name = _place(path, file)
        homes.setdefault(home, {}).setdefault(name, []).append(file)
    if not homes:
        return None
    training = [home for home, names in homes.items() if TRAINING in map(role, names)]
    usual = [home for home in (path, path / "data") if home in training]
    home = (usual or list(homes))[0]
    if len(homes) > 1 and not usual:
        raise DataError(
            f"{path} holds several sets of parquet files, in {', '.join(map(str, homes))}; name "
            "one of these folders"
        )
    splits = [Split(name, tuple(paths)) for name, paths in homes[home].items()]
    train = _training(home, splits)
    held_out = tuple(s for s in splits if s is not train and s.role != TRAINING)
    aside = [s for s in splits if s is not train and s.role == TRAINING]
    notes = [f"{split.place} is left out: {train.name} is trained on" for split in aside]
    return Splits(train, held_out, tuple(notes))


def _place(path: Path, file: Path) -> tuple[Path, str]:
    """The folder of the set that a file belongs to, and the name of its split."""
    if file.parent != path and role(file.parent.name) is not None:
        return file.parent.parent, file.parent.name
    stem = _OF.sub("", file.stem)
    alone = _NUMBER.sub("", stem)
    return file.parent, alone if not alone or role(stem) is not None else stem


def _training(home: Path, splits: list[Split]) -> Split:
    found = training_split(splits)
    if found is None:
        names = ", ".join(sorted(path.name for split in splits for path in split.paths)[:4])
        raise DataError(
            f"{home} has parquet files, {names}, but not one split called train; rename those to "
            "train on to train*.parquet"
        )
    return found
