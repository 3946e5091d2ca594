"""Pictures as they are stored, one row each: class folders or parquet files."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evo_nas.core.streams import Streams
from evo_nas.errors import DataError, PictureError

from .decode import GREY_MODES, Content, Format, header
from .images import Digest, Rows

LARGEST_DEFAULT_SIZE = 64  # pixels; more must be asked for
HEADERS = 4096  # pictures, at most, that are looked at to choose a format


@dataclass(frozen=True, slots=True)
class PictureTable(ABC):
    """One split, in a stable order. ``labels`` (n,) index ``classes``; ``source`` is for messages.

    It can be sent to other processes, which read the same files.
    """

    source: Path
    labels: Rows
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.labels)

    @property
    def place(self) -> str:
        """Where the pictures are read from."""
        return str(self.source)

    @abstractmethod
    def picture(self, row: int) -> tuple[str, Content]:
        """A name for messages, and the file's bytes or path.

        Raises:
            PictureError: there is no picture in this row.
        """

    @abstractmethod
    def feed(self, digest: Digest, rows: Rows) -> None:
        """Add to the digest what identifies these pictures without reading them."""


def imported(package: str) -> Any:
    """A package of the extra ``data``; a DataError that says what to install."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DataError(
            f"reading pictures needs packages: pip install 'evo-nas[data]' ({error})"
        ) from error


def choose_format(
    table: PictureTable, rows: Rows, size: int | None, crop_share: float = 1.0
) -> Format:
    """The format for these rows; :class:`.folders.image_folder.ImageFolder` tells of sizes.

    Where there are more than HEADERS, it follows from so many that a constant chooses. Broken ones
    do not count.
    """
    if len(rows) > HEADERS:
        chosen = Streams(0).generator("headers").permutation(len(rows))[:HEADERS]
        rows = rows[np.sort(chosen)]
    headers = []
    for row in rows:
        try:
            headers.append(header(*table.picture(int(row))))
        except PictureError as error:
            broken = error
    if not headers:
        raise broken
    grey = all(mode in GREY_MODES for mode, _, _ in headers)
    if size is None:
        shapes = {(width, height) for _, width, height in headers}
        shorter = [min(width, height) for _, width, height in headers]
        size = int(np.median(shorter))
        if len(shapes) > 1 or len(set(shapes.pop())) > 1:
            size = max(8, min(size // 8 * 8, LARGEST_DEFAULT_SIZE))
    return Format(size, 1 if grey else 3, crop_share)
