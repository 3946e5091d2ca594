"""Reading tables of results, CSV or JSON, so that whatever is wrong is named by row and column."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from evo_nas.core.plugins.modules import note
from evo_nas.core.validation import parse_json, read_text, shown
from evo_nas.errors import TableError, nearest
from evo_nas.space.space import Option

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LARGEST = 1 << 53  # whole numbers beyond are not exact as floating-point numbers


class TableFile:
    """The cells of a file by column; ``places`` says where each row stands, as a person counts."""

    def __init__(self, path: Path, rows: Mapping[str, Mapping[str, object]]) -> None:
        """``rows`` are cells by column, by place; a list is as many columns NAME.0, NAME.1, ..."""
        if not rows:
            raise TableError(f"{path} has no rows")
        self.path, self.places = path, tuple(rows)
        flat = [_flat(path, place, row) for place, row in rows.items()]
        names = dict.fromkeys(name for row in flat for name in row)
        self.columns = {name: [row.get(name) for row in flat] for name in names}
        for name, cells in self.columns.items():
            for nothing in (None, ""):
                if nothing in cells:
                    self.refuse(cells.index(nothing), name, "there is no value")

    def refuse(self, row: int, column: str, what: str) -> NoReturn:
        """Raise a TableError that names the row and the column."""
        raise TableError(f"{self.path}, {self.places[row]}, column {column!r}: {what}")

    def _cells(self, column: str) -> list[object]:
        if column not in self.columns:
            raise TableError(
                f"{self.path} has no column {column!r}; {nearest(column, self.columns)}"
            )
        return self.columns[column]

    def numbers(self, column: str) -> Floats:
        """The finite numbers of a column, (rows,)."""
        cells = self._cells(column)
        values = np.array([number(cell) for cell in cells], dtype=np.float64)  # None becomes NaN
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            self.refuse(int(wrong[0]), column, f"{shown(cells[wrong[0]])} is no finite number")
        return values

    def amounts(self, column: str) -> Integers:
        """The whole numbers from 0 up of a column, (rows,)."""
        values = self.numbers(column)
        wrong = np.flatnonzero((values < 0) | (values > _LARGEST) | (values != np.floor(values)))
        if len(wrong):
            cell = self.columns[column][wrong[0]]
            self.refuse(int(wrong[0]), column, f"{shown(cell)} is no whole number from 0 to 2**53")
        return values.astype(np.int64)

    def options(self, column: str) -> tuple[tuple[Option, ...], Integers]:
        """The distinct values of a column, and the index of each row's, (rows,).

        What looks like a number is one. Numbers alone are in ascending order, else values are in
        the order in which they appear.
        """
        cells, found = self._cells(column), dict[int | float | str, int]()
        known: dict[object, int] = {}  # the same by type and cell (true is 1): few are distinct
        indices = []
        for row, cell in enumerate(cells):
            if isinstance(cell, dict | list):
                self.refuse(row, column, f"{shown(cell)} is no option")
            key = type(cell), cell
            if key not in known:
                value = number(cell)
                if value is not None and not math.isfinite(value):
                    self.refuse(row, column, f"{shown(cell)} is no finite number")
                option = str(cell) if value is None else value
                known[key] = found.setdefault(option, len(found))
            indices.append(known[key])
        options = tuple(found)
        if any(isinstance(option, str) for option in options):
            return options, np.array(indices, dtype=np.int64)
        order = sorted(range(len(options)), key=options.__getitem__)
        return tuple(options[i] for i in order), np.argsort(order)[indices]


def number(cell: object) -> int | float | None:
    """The number that a cell holds, as a number or as text; None for other cells."""
    if type(cell) is float:
        return cell
    if isinstance(cell, bool) or not isinstance(cell, int | str):
        return None
    if isinstance(cell, str) and "_" in cell:  # 3_3 is a name, though Python reads it as 33
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    except OverflowError:
        return math.inf
    whole = isinstance(cell, int) or cell.lstrip("+-").isdecimal()
    return int(cell) if whole and math.isfinite(value) else value


def _flat(path: Path, place: str, row: Mapping[str, object]) -> Mapping[str, object]:
    if list not in map(type, row.values()):
        return row
    flat: dict[str, object] = {}
    for name, cell in row.items():
        parts = {f"{name}.{i}": part for i, part in enumerate(cell)} if type(cell) is list else {}
        if twice := sorted(parts.keys() & row.keys()):
            raise TableError(f"{path}, {place}: {shown(twice[0])} is there twice")
        flat.update(parts if type(cell) is list else {name: cell})
    return flat


def kept(read: Callable[[Path], TableFile]) -> Callable[[Path], TableFile]:
    """``read``, which does not read a file again that has not changed: many runs load one table."""
    known = lru_cache(maxsize=4)(lambda path, _stamp: read(path))

    @wraps(read)
    def reader(path: Path) -> TableFile:
        if not path.is_file():
            return read(path)  # says what is wrong
        stamp = path.stat()
        return known(path.resolve(), (stamp.st_mtime_ns, stamp.st_size))

    return reader


@kept
def read_table(path: Path) -> TableFile:
    """Read a CSV file with a header, or a JSON list of objects (known by the suffix .json)."""
    return TableFile(path, _json_rows(path) if path.suffix == ".json" else _csv_rows(path))


def read_json(path: Path) -> Any:
    """The content of a JSON file in which no key is repeated."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            raise TableError(f"{path}: {shown(repeated)} is there twice; remove one of them")
        return content

    return parse_json(_text(path), TableError, str(path), unique)


def _json_rows(path: Path) -> dict[str, Mapping[str, object]]:
    content = read_json(path)
    if not isinstance(content, list):
        raise TableError(f"{path} must hold a list of objects, one for each row")
    rows = {f"entry {position}": row for position, row in enumerate(content, start=1)}
    for place, row in rows.items():
        if not isinstance(row, dict):
            raise TableError(f"{path}, {place}: {shown(row)} is no object of values by column")
    return rows


def _csv_rows(path: Path) -> dict[str, Mapping[str, object]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restval="", strict=True)
    rows: dict[str, Mapping[str, object]] = {}
    try:
        reader.fieldnames = header = [name.strip() for name in reader.fieldnames or ()]
        for position, name in enumerate(header, start=1):
            if not name:
                raise TableError(f"{path}, line 1: column {position} has no name")
            if header.count(name) > 1:
                raise TableError(f"{path}, line 1: two columns are called {shown(name)}")
        for row in reader:
            place = f"line {reader.line_num}"
            if more := row.pop(None, []):  # what has no column
                raise TableError(
                    f"{path}, {place}: {len(header) + len(more)} values for {len(header)} columns; "
                    f"the first without a column is {shown(more[0])}"
                )
            rows[place] = {name: cell.strip() for name, cell in row.items()}
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.reader.line_num}: {error}") from error
    return rows


def _text(path: Path) -> str:
    # Spreadsheets put a mark at the beginning.
    text = read_text(path, TableError, "table", encoding="utf-8-sig")
    note(path, text)
    return text
