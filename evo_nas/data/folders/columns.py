"""Which columns of parquet files hold the pictures and the labels.

A column is chosen only if no other could be meant; otherwise it has to be named.

Why: docs/decisions/037-splits.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evo_nas.errors import DataError, nearest, plain

# Columns of labels are usually called so.
LABEL_NAMES = """
label labels class classes category categories target targets y
class_id class_name classname class_label label_id label_name
"""
_PLAIN = ("int", "string", "bool", "float")


def image_column(datasets: Any, dataset: Any, wanted: str | None, source: Path) -> str:
    """The column of pictures: of images, of files as bytes with a path, or of files as bytes."""
    features = dataset.features
    columns = list(features)
    if wanted is not None:
        _check_name(wanted, columns, source)
        if image_rank(datasets, features[wanted]) is None:
            raise DataError(
                f"{source}: column {wanted!r} holds {kind(features[wanted])}, no pictures as bytes "
                "of PNG or JPEG files; name another column"
            )
        return wanted
    ranks = {name: image_rank(datasets, feature) for name, feature in features.items()}
    best = min((rank for rank in ranks.values() if rank is not None), default=None)
    found = [name for name, rank in ranks.items() if rank is not None and rank == best]
    return _only("image", found, columns, source)


def image_rank(datasets: Any, feature: Any) -> int | None:
    """How plainly a column holds pictures, 0 most; None for one that cannot."""
    if isinstance(feature, datasets.Image):
        return 0
    if isinstance(feature, dict):  # an image that was written without Hugging Face's own notes
        inside = getattr(feature.get("bytes"), "dtype", "")
        return 1 if "binary" in inside and set(feature) <= {"bytes", "path"} else None
    return 2 if "binary" in getattr(feature, "dtype", "") else None


def label_column(datasets: Any, dataset: Any, wanted: str | None, image: str, source: Path) -> str:
    """The column of labels: of class labels, or called so, or else the only one that may be it."""
    features = {name: each for name, each in dataset.features.items() if name != image}
    if wanted is not None:
        _check_name(wanted, list(dataset.features), source)
        if image_rank(datasets, dataset.features[wanted]) is not None:
            raise DataError(f"{source}: column {wanted!r} holds pictures, no labels; name another")
        return wanted
    typed = {name for name, each in features.items() if isinstance(each, datasets.ClassLabel)}
    named = {name for name in features if name.lower() in LABEL_NAMES.split()}
    found = typed & named if len(typed | named) > 1 else typed | named
    if not found and not typed | named:
        found = {name for name, each in features.items() if _may_label(dataset, name, each)}
    elif len(found) != 1:
        found = typed | named
    ordered = [name for name in features if name in found]
    return _only("label", ordered, list(dataset.features), source)


def kind(feature: Any) -> str:
    """What a column holds, for messages."""
    return str(getattr(feature, "dtype", None) or type(feature).__name__.lower())


def _may_label(dataset: Any, name: str, feature: Any) -> bool:
    """Whether values repeat as labels do, and are not one for every row, as names of files are."""
    from pyarrow import compute  # comes with datasets

    if not any(word in str(getattr(feature, "dtype", "")) for word in _PLAIN):
        return False
    distinct = compute.count_distinct(dataset.data.column(name), mode="only_valid").as_py()
    return bool(distinct > 1 and (distinct <= len(dataset) / 2 or len(dataset) < 8))


def _only(what: str, found: Sequence[str], columns: Sequence[str], source: Path) -> str:
    if len(found) == 1:
        return found[0]
    told = ", ".join(map(plain, columns))
    if not found and what == "label":
        raise DataError(
            f"{source} has no labels (columns: {told}); give parquet files a column of classes, or "
            "name it, as label_column=NAME"
        )
    if not found:
        raise DataError(
            f"{source} has no column of pictures (columns: {told}); give one with the bytes of PNG "
            "or JPEG files"
        )
    raise DataError(
        f"{source} has {len(found)} columns that may be the {what}, {', '.join(map(plain, found))} "
        f"(columns: {told}); name it, as {what}_column={found[0]}"
    )


def _check_name(wanted: str, columns: Sequence[str], source: Path) -> None:
    if wanted not in columns:
        raise DataError(f"{source} has no column {wanted!r}; {nearest(wanted, columns)}")
