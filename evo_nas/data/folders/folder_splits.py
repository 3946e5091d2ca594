"""Where the splits are in a tree of folders of pictures.

Why: docs/decisions/037-splits.md.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from evo_nas.errors import DataError

from .files import folders, holds_pictures, holds_pictures_itself, unread_table
from .splits import TRAINING, Split, Splits, is_plain, role

_UNNAMED = {"images", "unknown", "unlabeled", "unlabelled"}  # folders that name no class


def find_folder_splits(path: Path) -> Splits | None:
    """Class folders in ``train/`` and beside it, or in ``path`` itself; None without pictures.

    Folders that only one leads to are gone through. A split without class folders has no labels.

    Raises:
        DataError: what is a class and what a split cannot be known.
    """
    root = os.fsencode(path)
    itself = holds_pictures_itself(root)
    inside = {name: _with_pictures(path / name) for name in _with_pictures(path)}
    if not inside:
        return Splits(Split(path.name, (path,), False)) if itself else None
    training = [name for name, within in inside.items() if within and role(name) == TRAINING]
    if training:
        return _beside_training(path, inside, _one_training(path, training))
    if len(inside) == 1 and not itself:
        only = path / next(iter(inside))
        if holds_pictures_itself(os.fsencode(only)):
            return Splits(Split(path.name, (path,)))
        inner = find_folder_splits(only)
        assert inner is not None, "it holds pictures"
        told = f"{only} is read, the only folder of {path}"
        return replace(inner, notes=(told, *inner.notes))
    _check_classes(path, inside)
    first, notes = next(iter(inside.values())), list[str]()
    if len(first) > 1 and all(within == first for within in inside.values()):
        notes.append(f"{_listed(inside)} are the classes, not {_listed(first)} in each of them")
    return Splits(Split(path.name, (path,)), notes=tuple(notes))


def _with_pictures(path: Path) -> list[str]:
    """The folders in a folder that hold pictures at any depth, by name."""
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


def _beside_training(path: Path, inside: dict[str, list[str]], training: str) -> Splits:
    """The splits beside a training split of class folders; ``inside`` are the folders of each."""
    train = _split(path, training)
    classes = _with_pictures(train.paths[0])
    held_out = [
        _split(path, name, classes) for name in inside if role(name) not in (None, TRAINING)
    ]
    aside = [name for name in inside if name != training and role(name) in (None, TRAINING)]
    if aside and not any(split.labelled for split in held_out):
        raise DataError(
            f"{path / training} holds class folders, but {_listed(aside)} beside it too hold "
            f"pictures: is {training!r} a class or the training split? Rename {training}, or move "
            "the others elsewhere"
        )
    notes = [f"{path / name} is left out: it is no split" for name in aside]
    return Splits(train, tuple(held_out), tuple(notes))


def _split(path: Path, name: str, classes: Collection[str] = ()) -> Split:
    """A split by its folder, or the only folder in it if that holds the class folders.

    ``classes`` are those of the training split. Without class folders it has no labels, nor with a
    single one that is called as nobody calls a class, such as ``test/unknown``.
    """
    folder, inside = path / name, _with_pictures(path / name)
    if len(inside) != 1 or inside[0] in classes:
        return Split(name, (folder,), bool(inside))
    only = folder / inside[0]
    if len(_with_pictures(only)) > 1 and not holds_pictures_itself(os.fsencode(folder)):
        return Split(name, (only,))
    unnamed = role(inside[0]) is not None or inside[0].lower() in _UNNAMED
    return Split(name, (folder,), not (classes and unnamed))


def _check_classes(path: Path, inside: dict[str, list[str]]) -> None:
    """Refuse folders that may be splits rather than classes; ``inside`` are the folders of each."""
    called = [name for name in inside if role(name) is not None]
    training = [name for name in called if role(name) == TRAINING]
    if len(called) == len(inside) or (training and len(called) > len(training)):
        why = (
            f"{path / training[0]} has pictures in no class folders"
            f"{unread_table(os.fsencode(path / training[0]))}"
            if training
            else f"{path} has {_listed(called)}, but no training split"
        )
        raise DataError(
            f"{why}; make train/CLASS/PICTURE for each of at least two classes (where "
            f"{_listed(called)} are classes, rename them)"
        )
    for name in called:
        for other, within in inside.items():
            if other != name and set(inside[name]) & set(within):
                raise DataError(
                    f"{path / name} and {path / other} hold folders of the same names; if these "
                    f"are the classes, call the folder to train on train, else rename {name}"
                )


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
