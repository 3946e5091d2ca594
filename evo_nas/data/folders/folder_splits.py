"""Where the splits are in a tree of folders of pictures.

Why: docs/decisions/037-splits.md.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from evo_nas.errors import DataError

from .files import folders, holds_pictures, holds_pictures_itself
from .splits import TRAINING, Split, Splits, is_plain, role


def find_folder_splits(path: Path) -> Splits | None:
    """Class folders in ``train/`` and beside it, or in ``path`` itself; None without pictures.

    Folders that only one leads to are gone through. A split without class folders has no labels.

    Raises:
        DataError: what is a class and what a split cannot be known.
    """
    root = os.fsencode(path)
    names = [name for name in folders(root) if holds_pictures(os.path.join(root, name))]
    itself = holds_pictures_itself(root)
    if not names:
        return Splits(Split(path.name, (path,), False)) if itself else None
    flat = {os.fsdecode(n): holds_pictures_itself(os.path.join(root, n)) for n in names}
    classed = {name for name in flat if folders_with_pictures(path / name)}
    training = [name for name in classed if role(name) == TRAINING]
    if training:
        return _beside_training(path, flat, classed, _one_training(path, training))
    if len(flat) == 1 and not itself and not any(flat.values()):
        only = path / next(iter(flat))
        inner = find_folder_splits(only)
        assert inner is not None, "it holds pictures"
        told = f"{only} is read, the only folder of {path}"
        return replace(inner, notes=(told, *inner.notes))
    _check_classes(path, flat, classed)
    within = [set(folders_with_pictures(path / name)) for name in flat]
    notes = list[str]()
    if len(within[0]) > 1 and all(each == within[0] for each in within):
        notes.append(
            f"{_listed(list(flat))} are the classes, not {_listed(list(within[0]))} in each of them"
        )
    return Splits(Split(path.name, (path,)), notes=tuple(notes))


def folders_with_pictures(path: Path) -> list[str]:
    """The folders in a folder that hold pictures at any depth."""
    root = os.fsencode(path)
    return [os.fsdecode(n) for n in folders(root) if holds_pictures(os.path.join(root, n))]


def _one_training(path: Path, names: list[str]) -> str:
    found = names if len(names) == 1 else [name for name in names if is_plain(name)]
    if len(found) != 1:
        raise DataError(
            f"{path} has several folders to train on, {', '.join(sorted(names))}; keep one of them "
            "there, called train"
        )
    return found[0]


def _beside_training(path: Path, flat: dict[str, bool], classed: set[str], training: str) -> Splits:
    """The splits beside a training split of class folders."""
    held_out = [
        Split(name, (path / name,), name in classed)
        for name in flat
        if role(name) not in (None, TRAINING)
    ]
    aside = [name for name in flat if name != training and role(name) in (None, TRAINING)]
    if aside and not any(split.labelled for split in held_out):
        raise DataError(
            f"{path / training} holds class folders, but {_listed(aside)} beside it too hold "
            f"pictures: is {training!r} a class or the training split? Rename {training}, or move "
            "the others elsewhere"
        )
    notes = [f"{path / name} is left out: it is no split" for name in aside]
    return Splits(Split(training, (path / training,)), tuple(held_out), tuple(notes))


def _check_classes(path: Path, flat: dict[str, bool], classed: set[str]) -> None:
    """Refuse folders that may be splits rather than classes."""
    called = [name for name in flat if role(name) is not None]
    training = [name for name in called if role(name) == TRAINING]
    if len(called) == len(flat) or (training and len(called) > len(training)):
        why = (
            f"{path / training[0]} has pictures in no class folders"
            if training
            else f"{path} has {_listed(called)}, but no training split"
        )
        raise DataError(
            f"{why}; make train/CLASS/PICTURE for each of at least two classes (where "
            f"{_listed(called)} are classes, rename them)"
        )
    inside = {name: set(folders_with_pictures(path / name)) for name in classed}
    for name in called:
        for other in classed - {name}:
            if inside.get(name, set()) & inside[other]:
                raise DataError(
                    f"{path / name} and {path / other} hold folders of the same names; if these "
                    f"are the classes, call the folder to train on train, else rename {name}"
                )


def _listed(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
