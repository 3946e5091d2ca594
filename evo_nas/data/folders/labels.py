"""Labels as files hold them, numbers, texts, one-hot lists, and the classes that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evo_nas.data.images import Rows
from evo_nas.errors import DataError, plain

Value = int | str | bool


def read_labels(
    stored: Sequence[Any], names: Sequence[str] | None, column: str, source: Path
) -> tuple[Rows, tuple[str, ...]]:
    """Labels (n,), and the names of the classes that they are places of, which all occur.

    ``stored`` are the values of the column. ``names`` are those of a class label, whose values are
    their places; otherwise classes are called as the values and sorted by them. Where no row at all
    has a label, there are no classes, and each label is -1.

    Raises:
        DataError: a row has no label while others have, or one that is no single class.
    """
    rows: dict[Any, int] = {}  # of each value that there is, the first
    keys = [_key(value) for value in stored]
    for row, key in enumerate(keys):
        rows.setdefault(key, row)
    missing = [key for key in rows if is_missing(key)]
    if len(missing) == len(rows):
        return np.full(len(stored), -1, dtype=np.int64), ()
    if missing:
        raise DataError(
            f"row {rows[missing[0]]} of {source} has no label ({column}: {missing[0]!r}); remove "
            "such rows, or name another split to test on, such as test=validation"
        )
    read = _reader(list(rows), names)
    values = dict[Any, Value]()
    for key, row in rows.items():
        try:
            values[key] = read(key)
        except ValueError as error:
            shown = plain(repr(stored[row]))
            raise DataError(f"row {row} of {source}, {column}: {shown} {error}") from error
    if len(kinds := {type(value).__name__ for value in values.values()}) > 1:
        raise DataError(
            f"{source}, {column}: labels are {' and '.join(sorted(kinds))}; make them of one kind"
        )
    distinct = sorted(set(values.values()))
    classes = tuple(str(each) if names is None else names[int(each)] for each in distinct)
    if len(set(classes)) < len(classes):
        raise DataError(f"{source}, {column}: two classes have one name; rename one of them")
    order = {value: place for place, value in enumerate(distinct)}
    places = {key: order[value] for key, value in values.items()}
    return np.array([places[key] for key in keys], dtype=np.int64), classes


def _key(value: Any) -> Any:
    """The value as one that can be looked up, with tuples for lists and tables."""
    if isinstance(value, dict):
        return tuple((name, _key(each)) for name, each in value.items())
    return tuple(map(_key, value)) if isinstance(value, list) else value


def is_missing(value: Any) -> bool:
    """Whether a value says that there is no label: nothing, -1, an empty text or list."""
    if isinstance(value, float) and math.isnan(value):
        return True
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value < 0
    return value in (None, "", ())


def _reader(keys: Sequence[Any], names: Sequence[str] | None) -> Callable[[Any], Value]:
    """What reads a value of this column."""
    lengths = {len(key) if isinstance(key, tuple) else 0 for key in keys}
    if lengths == {1}:
        return lambda key: _single(key[0], names)
    if len(lengths) == 1 and lengths != {0} and names is None:
        return _hot
    return lambda key: _single(key, names)


def _single(value: Any, names: Sequence[str] | None) -> Value:
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError("is no class; round the labels, or give classes as whole numbers")
        value = int(value)
    if not isinstance(value, Value):
        raise ValueError("is no class; give numbers, texts, or lists of zeros with a single one")
    if names is not None and not (type(value) is int and 0 <= value < len(names)):
        raise ValueError(f"is none of the {len(names)} class names; correct the label")
    return value


def _hot(value: tuple[Any, ...]) -> int:
    """The place of the one in a list of zeros."""
    if any(each not in (0, 1) for each in value):
        raise ValueError("is no list of zeros with a single one; give one class for each picture")
    if sum(value) != 1:
        raise ValueError(
            f"names {int(sum(value))} classes; give pictures of a single class, as a number"
        )
    return value.index(1)
