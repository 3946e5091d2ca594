"""Pictures as they are stored, one row each: class folders or parquet files."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evo_nas.errors import DataError

from .decode import Content
from .images import Digest, Rows


@dataclass(frozen=True, slots=True)
class PictureTable(ABC):
    """One split, in a stable order. ``labels`` (n,) index ``classes``; ``source`` is for messages.

    ``left_out`` counts by kind what stands beside the pictures, and ``notes`` tell more of what was
    understood. The table can be sent to other processes, which read the same files.
    """

    source: Path
    labels: Rows
    classes: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.labels)

    @property
    def place(self) -> str:
        """Where the pictures are read from."""
        return str(self.source)

    @property
    def version(self) -> str | None:
        """What changes whenever a file does; None where that costs as much as reading all."""
        return None

    @abstractmethod
    def picture(self, row: int) -> tuple[str, Content]:
        """A name for messages, and the file's bytes or path.

        Raises:
            PictureError: there is no picture in this row.
        """

    @abstractmethod
    def bytes_of(self, rows: Rows) -> Rows:
        """How large these pictures' files are."""

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
