"""Pictures that were decoded before, kept in the user's cache.

Only of tables whose version changes whenever a file does, as those of parquet files, and if none of
the pictures is broken. What has not been used for longest goes when there is too much.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import torch

from evo_nas.core.files import written_aside
from evo_nas.core.paths import cache_folder
from evo_nas.data.images import Images, amount
from evo_nas.data.stored import StoredPictures
from evo_nas.errors import EvoNasError

LONG = 10_000  # pictures whose decoding is worth telling of
MOST = 16 * 2**30  # bytes that are kept


def decoded(pictures: StoredPictures) -> Images:
    """All of them in memory: as they were kept, or decoded, and kept for the next time."""
    path = _path(pictures)
    if path is not None:
        shape = (len(pictures), *pictures.shape, pictures.format.size)
        with contextlib.suppress(OSError, ValueError):  # it is not there, or damaged
            pixels = np.load(path, allow_pickle=False)
            if pixels.shape == shape and pixels.dtype == np.uint8:
                os.utime(path)
                return Images(torch.from_numpy(pixels), pictures.labels)
    if len(pictures) >= LONG:
        then = f"; {amount(pictures.nbytes)} are kept for the next time in {path}" if path else ""
        told = f"decoding {len(pictures):,} pictures of {pictures.table.source}{then}"
        print(told, file=sys.stderr, flush=True)
    images = pictures.load()
    if path is not None and not pictures.unreadable.found:
        with contextlib.suppress(OSError, EvoNasError):  # no place for it: then not
            _keep(path, images)
    return images


def _path(pictures: StoredPictures) -> Path | None:
    """The file of these pictures, decoded so; None where nothing may be kept."""
    version = pictures.table.version
    if version is None:
        return None
    import PIL

    digest = hashlib.sha256(repr((version, pictures.format, PIL.__version__)).encode())
    pictures.feed(digest)
    digest.update(pictures.rows.astype("<i8").data)
    with contextlib.suppress(RuntimeError):
        return cache_folder() / "pictures" / f"{digest.hexdigest()[:32]}.npy"
    return None


def _keep(path: Path, images: Images) -> None:
    """Write the file at once, and remove those used longest ago beyond MOST bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as part:
        np.save(part, images.pixels.numpy())
    files = sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > MOST and file != path:
            file.unlink(missing_ok=True)
