"""Pictures in class folders: one folder for each class, pictures anywhere inside it.

Nothing is copied and no picture is opened. Names are kept as bytes of one array: each process that
reads would soon have a copy of its own of more than a million Python strings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evo_nas.data.decode import Content
from evo_nas.data.images import Digest, Rows
from evo_nas.data.pictures import PictureTable
from evo_nas.errors import DataError


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

    def feed(self, digest: Digest, rows: Rows) -> None:
        for name in self.names[rows]:
            digest.update(bytes(name) + b"\0")
        digest.update(self.sizes[rows].astype("<i8").data)


def list_folder(folder: Path) -> FolderTable:
    """List the class folders in ``folder`` that hold pictures; hidden files are left out."""
    endings = _endings()
    found: dict[str, list[tuple[bytes, int]]] = {}
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    for name in names:
        if pictures := sorted(_pictures(os.fsencode(folder), os.fsencode(name), endings)):
            found[name] = pictures
    if len(found) < 2:
        raise DataError(
            f"{folder} has pictures in {len(found) or 'no'} class folder{'s'[: not found]}; make "
            "one folder for each of at least two classes"
        )
    labels = np.repeat(np.arange(len(found)), [len(pictures) for pictures in found.values()])
    return FolderTable(
        folder,
        labels.astype(np.int64),
        tuple(found),
        np.array([path for pictures in found.values() for path, _ in pictures], dtype=np.bytes_),
        np.array([size for pictures in found.values() for _, size in pictures], dtype=np.int64),
    )


def _pictures(
    folder: bytes, inside: bytes, endings: frozenset[bytes]
) -> Iterator[tuple[bytes, int]]:
    """Paths relative to ``folder``, with sizes."""
    with os.scandir(os.path.join(folder, inside)) as entries:
        for entry in entries:
            path = os.path.join(inside, entry.name)
            if entry.name.startswith(b"."):
                continue
            if os.path.splitext(entry.name)[1].lower() in endings:
                yield path, entry.stat().st_size
            elif entry.is_dir():
                yield from _pictures(folder, path, endings)


def _endings() -> frozenset[bytes]:
    from PIL import Image  # an optional dependency

    known = Image.registered_extensions().items()
    return frozenset(ending.encode() for ending, name in known if name in Image.OPEN)
