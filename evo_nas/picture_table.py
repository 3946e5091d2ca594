"""Pictures as they are stored, read through Hugging Face ``datasets`` and decoded by Pillow.

Both come with the extra ``data``. ``datasets`` keeps its cache in a temporary folder here, so that
nothing is left on disk, and never reaches for the network.
"""

from __future__ import annotations

import glob
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from .data import Images, Rows
from .errors import DataError, nearest

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_DEFAULT_SIZE = 64  # pixels; more must be asked for
GREY_MODES = {"1", "L", "LA", "I", "I;16", "F"}
PICTURE = "picture"  # the column of a table, whatever it is called in the file
BATCH = 512  # pictures in memory before they are resized


@dataclass(frozen=True, slots=True)
class Format:
    """How pictures are kept for training: ``size`` pixels a side, 1 (grey) or 3 (RGB) channels."""

    size: int
    channels: int


@dataclass(frozen=True, slots=True)
class PictureTable:
    """One split, in a stable order. ``labels`` index ``classes``; ``source`` is for messages."""

    source: Path
    dataset: Any  # a datasets.Dataset with the column "picture", undecoded
    labels: Rows
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.labels)

    def pictures(self, rows: Rows) -> Iterator[list[tuple[str, Any]]]:
        """Batches of pictures as (name for messages, bytes or path)."""
        chosen = self.dataset.select(rows, keep_in_memory=True)
        done = 0
        for batch in chosen.iter(BATCH):
            pictures = []
            for picture in batch[PICTURE]:
                name = f"row {rows[done]} of {self.source}"
                if picture is None:
                    raise DataError(f"{name} has no picture; remove the row")
                content = picture["bytes"]
                pictures.append((name, content) if content else (picture["path"], picture["path"]))
                done += 1
            yield pictures

    def read(self, rows: Rows, chosen: Format, classes: Sequence[str]) -> Images:
        """These rows, decoded and resized, with labels that index ``classes``.

        Raises:
            DataError: a picture cannot be decoded, or is of a class that is not in ``classes``.
        """
        unknown = sorted({self.classes[i] for i in set(self.labels[rows].tolist())} - set(classes))
        if unknown:
            raise DataError(
                f"{self.source} has class {unknown[0]!r}, which the training split has not; "
                f"{nearest(unknown[0], classes)}"
            )
        index = np.array([classes.index(c) if c in classes else -1 for c in self.classes])
        pixels = np.empty((len(rows), chosen.channels, chosen.size, chosen.size), dtype=np.uint8)
        done = 0
        for batch in self.pictures(rows):  # threads made small pictures 1.8 times slower
            for name, content in batch:
                pixels[done] = _decode(name, content, chosen)
                done += 1
        labels = index[self.labels[rows]].astype(np.int64)
        return Images(torch.from_numpy(pixels), torch.from_numpy(labels))


def choose_format(table: PictureTable, rows: Rows, size: int | None) -> Format:
    """The format for these rows: see :class:`evo_nas.folder.ImageFolder` about sizes."""
    headers = [_header(*named) for batch in table.pictures(rows) for named in batch]
    grey = all(mode in GREY_MODES for mode, _, _ in headers)
    if size is None:
        shapes = {(width, height) for _, width, height in headers}
        shorter = [min(width, height) for _, width, height in headers]
        size = int(np.median(shorter))
        if len(shapes) > 1 or len(set(shapes.pop())) > 1:
            size = max(8, min(size // 8 * 8, LARGEST_DEFAULT_SIZE))
    return Format(size, 1 if grey else 3)


def _open_picture(name: str, content: bytes | str) -> Image:
    from PIL import Image, UnidentifiedImageError  # an optional dependency

    try:
        return Image.open(io.BytesIO(content) if isinstance(content, bytes) else content)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise _undecodable(name, error) from error


def _undecodable(name: str, error: Exception) -> DataError:
    return DataError(f"picture {name} cannot be decoded ({error}); repair or remove it")


def _header(name: str, content: bytes | str) -> tuple[str, int, int]:
    with _open_picture(name, content) as picture:
        return picture.mode, picture.width, picture.height


def _decode(name: str, content: bytes | str, chosen: Format) -> npt.NDArray[np.uint8]:
    """A picture (channels, size, size)."""
    from PIL import Image, ImageOps  # an optional dependency

    size, mode = (chosen.size, chosen.size), "L" if chosen.channels == 1 else "RGB"
    with _open_picture(name, content) as picture:
        try:
            # A large JPEG is decoded at a half, quarter or eighth, still twice what is needed.
            picture.draft(mode, (2 * chosen.size, 2 * chosen.size))
            converted = picture.convert(mode)
        except (OSError, ValueError, SyntaxError) as error:  # Pillow's for broken content
            raise _undecodable(name, error) from error
    if converted.size != size:
        converted = ImageOps.fit(converted, size, Image.Resampling.BICUBIC)
    array = np.asarray(converted)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


@contextmanager
def open_table(
    paths: Sequence[Path], image_column: str | None = None, label_column: str | None = None
) -> Iterator[PictureTable]:
    """Open parquet files, or one folder of class folders; valid inside the ``with`` block.

    Raises:
        DataError: ``datasets`` is not installed, or there are no pictures or labels.
    """
    datasets = _import_datasets()
    source = paths[0] if len(paths) == 1 else paths[0].parent
    if paths[0].suffix == ".parquet":
        kind, patterns = "parquet", [glob.escape(str(path.resolve())) for path in paths]
    else:
        kind, patterns = "imagefolder", [f"{glob.escape(str(paths[0].resolve()))}/*/**"]
    with tempfile.TemporaryDirectory(prefix="evo-nas-", ignore_cleanup_errors=True) as cache:
        try:
            dataset = datasets.load_dataset(
                kind, data_files={"train": patterns}, split="train", cache_dir=cache
            )
        except Exception as error:  # datasets raises what it meets, of many kinds
            raise DataError(f"{source} cannot be read as {kind}: {error}") from error
        table = _table(datasets, dataset, source, image_column, label_column)
        yield table if kind == "parquet" else _sorted_by_path(table)


def _import_datasets() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # both are read when datasets is imported
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    try:
        import datasets
        import PIL  # noqa: F401
    except ImportError as error:
        raise DataError(
            "reading image folders needs the extra packages of evo-nas: "
            f"pip install 'evo-nas[data]' ({error})"
        ) from error
    datasets.disable_progress_bars()
    return datasets


def _table(
    datasets: Any, dataset: Any, source: Path, image_column: str | None, label_column: str | None
) -> PictureTable:
    images = [n for n, f in dataset.features.items() if _is_image(datasets, f)]
    labels = [n for n, f in dataset.features.items() if isinstance(f, datasets.ClassLabel)]
    if not labels:
        labels = [n for n, f in dataset.features.items() if "int" in getattr(f, "dtype", "")]
    image = _column("image", images, image_column, source, dataset.column_names)
    label = _column("label", labels, label_column, source, dataset.column_names)
    picture = dataset.cast_column(image, datasets.Image(decode=False))
    stored = dataset[label][:]
    if not stored:
        raise DataError(f"{source} holds no pictures")
    unlabelled = [row for row, value in enumerate(stored) if value is None or value < 0]
    if unlabelled:
        raise DataError(f"row {unlabelled[0]} of {source} has no label; remove such rows")
    values: Rows = np.asarray(stored, dtype=np.int64)
    feature = dataset.features[label]
    if isinstance(feature, datasets.ClassLabel):
        classes = tuple(feature.names)
    else:
        distinct, values = np.unique(values, return_inverse=True)
        classes = tuple(str(value) for value in distinct)
    picture = picture.select_columns([image])
    if image != PICTURE:
        picture = picture.rename_column(image, PICTURE)
    return PictureTable(source, picture, values, classes)


def _is_image(datasets: Any, feature: Any) -> bool:
    if isinstance(feature, dict):  # an image that was written without Hugging Face's own notes
        return set(feature) == {"bytes", "path"}
    return isinstance(feature, datasets.Image)


def _column(
    what: str, found: list[str], wanted: str | None, source: Path, columns: list[str]
) -> str:
    if wanted is not None:
        if wanted not in columns:
            raise DataError(f"{source} has no column {wanted!r}; {nearest(wanted, columns)}")
        return wanted
    if len(found) == 1:
        return found[0]
    if not found and what == "label":
        raise DataError(
            f"{source} has no labels (columns: {', '.join(columns)}); make one folder for each of "
            "at least two classes, or give parquet files a column of class numbers"
        )
    raise DataError(
        f"{source} has {len(found) or 'no'} columns that may be the {what} "
        f"(columns: {', '.join(columns)}); name it, such as {what}_column={columns[0]}"
    )


def _sorted_by_path(table: PictureTable) -> PictureTable:
    """Class folders in the order of their paths, whatever order the file system lists them in."""
    paths = [picture["path"] for picture in table.dataset[PICTURE]]
    order = np.argsort(np.array(paths), kind="stable")
    dataset = table.dataset.select(order, keep_in_memory=True)
    return PictureTable(table.source, dataset, table.labels[order], table.classes)
