"""Pictures in class folders: one folder for each class, pictures anywhere inside it.

Nothing is copied, and no picture is opened but those whose names have no ending. Names are kept as
bytes of one array: each process that reads would soon have a copy of its own of more than a million
Python strings.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from evo_nas.data.decode import Content
from evo_nas.data.images import Digest, Rows
from evo_nas.data.pictures import PictureTable
from evo_nas.errors import DataError, plain

from .files import ending, folders, is_document, is_picture, unread_table, walk


@dataclass(frozen=True, slots=True)
class FolderTable(PictureTable):
    """The pictures of class folders, class by class in the order of their names.

    ``names`` are paths relative to ``source``, as bytes; ``sizes`` are bytes.
    """

    names: npt.NDArray[np.bytes_]
    sizes: Rows

    def picture(self, row: int) -> tuple[str, Content]:
        path = os.path.join(self.source, os.fsdecode(bytes(self.names[row])))
        return path, path

    def bytes_of(self, rows: Rows) -> Rows:
        return self.sizes[rows]

    def feed(self, digest: Digest, rows: Rows) -> None:
        for name in self.names[rows]:
            digest.update(bytes(name) + b"\0")
        digest.update(self.sizes[rows].astype("<i8").data)


def list_folder(folder: Path, fewest: int = 2) -> FolderTable:
    """List the class folders in ``folder`` that hold pictures; hidden files are left out.

    Raises:
        DataError: there are too few, or a folder holds what may be meant as pictures, but none that
            can be read.
    """
    found: dict[str, list[tuple[bytes, int]]] = {}
    empty = list[str]()
    left_out: Counter[str] = Counter()
    root = os.fsencode(folder)
    for name in folders(root):
        pictures, others = _list_class(root, name)
        left_out.update(others)
        if pictures:
            # Macs write letters with accents as two characters.
            found.setdefault(normalize("NFC", os.fsdecode(name)), []).extend(pictures)
        else:
            empty.append(plain(os.fsdecode(name)))
    with os.scandir(root) as entries:
        loose = sum(
            not e.name.startswith(b".") and not e.is_dir() and is_picture(e.path) for e in entries
        )
    if loose:
        left_out["pictures in no class folder"] += loose
    if len(found) < fewest:
        raise DataError(_too_few(folder, list(found), loose))
    labels = np.repeat(np.arange(len(found)), [len(pictures) for pictures in found.values()])
    return FolderTable(
        folder,
        labels.astype(np.int64),
        tuple(found),
        np.array([path for pictures in found.values() for path, _ in pictures], dtype=np.bytes_),
        np.array([size for pictures in found.values() for _, size in pictures], dtype=np.int64),
        left_out=dict(left_out),
        notes=tuple(f"{folder / name} is no class: it holds no pictures" for name in empty),
    )


def _list_class(root: bytes, name: bytes) -> tuple[list[tuple[bytes, int]], Counter[str]]:
    """The pictures of a class, paths relative to ``root`` with sizes; other files by ending."""
    pictures, others, meant = list[tuple[bytes, int]](), Counter[str](), Counter[str]()
    for path, entry in walk(root, name):
        if is_picture(entry.path):
            pictures.append((path, entry.stat().st_size))
        else:
            told = plain(os.fsdecode(ending(path))) or "without an ending"
            (others if is_document(path) else meant)[told] += 1
    if meant and not pictures:
        told = ", ".join(f"{count} {kind}" for kind, count in meant.most_common(3))
        raise DataError(
            f"class folder {os.path.join(os.fsdecode(root), os.fsdecode(name))} holds no picture "
            f"that can be read, but files: {told}; convert them to PNG or JPEG, or move the folder "
            "elsewhere"
        )
    return sorted(pictures), others + meant


def _too_few(folder: Path, found: list[str], loose: int) -> str:
    have = f"1 class folder, {plain(found[0])}" if found else "no class folders"
    beside = f", and {loose} beside them" if loose else ""
    beside += unread_table(os.fsencode(folder))
    return (
        f"{folder} has pictures in {have}{beside}; make one folder for each of at least two classes"
    )
