"""Images: sources, class folders, parquet, decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .images import Images, ImageSet, prepare
    from .memory.held import given
    from .preprocessing import Preprocessing
    from .source import DataSource, SearchData, carve, search_data

__all__ = [
    "DataSource",
    "ImageSet",
    "Images",
    "Preprocessing",
    "SearchData",
    "carve",
    "given",
    "prepare",
    "search_data",
]

__getattr__ = lazy(__name__)
