"""Looking at pictures before they are read: which size, channels and values they have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evo_nas.core.streams import Streams
from evo_nas.errors import DataError, PictureError

from .colour import BEYOND, GREY_MODES, values
from .decode import Header, header, opened
from .format import Background, Format, Range
from .images import Rows
from .pictures import PictureTable
from .shortcuts import shortcuts

LARGEST_DEFAULT_SIZE = 64  # pixels; more must be asked for
HEADERS = 4096  # pictures, at most, whose headers are looked at
DECODED = 256  # pictures of more than 8 bits, at most, whose values are looked at
# The largest values of usual ranges, which begin at 0; 1 as well, for floats.
USUAL = tuple(2**bits - 1 for bits in (8, 12, 16, 31, 32))
REACHED = 1 / 16  # the share of a range that the values must reach for it to be the one meant


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user wants of the format; None is chosen by what the pictures are."""

    size: int | None = None
    crop_share: float = 1.0
    background: Background = "white"
    values: Range | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """The form that pictures are decoded to, and what is to be told of them, a line each."""

    format: Format
    notes: tuple[str, ...] = ()


def survey(table: PictureTable, rows: Rows, wishes: Wishes) -> Survey:
    """Look at these rows; :class:`.folders.image_folder.ImageFolder` tells of sizes.

    Where there are more than HEADERS, so many are looked at, which a constant chooses. Broken ones
    do not count.

    Raises:
        DataError: nobody can tell what is black and white in pictures of more than 8 bits.
    """
    if len(rows) > HEADERS:
        chosen = Streams(0).generator("headers").permutation(len(rows))[:HEADERS]
        rows = rows[np.sort(chosen)]
    headers = {}
    for row in rows.tolist():
        try:
            headers[row] = header(*table.picture(row))
        except PictureError as error:
            broken = error
    if not headers:
        raise broken
    grey = all(each.mode in GREY_MODES for each in headers.values())
    kinds = tuple(sorted({kind for each in headers.values() for kind in each.kinds}))
    found = Format(
        wishes.size or _size(list(headers.values())),
        1 if grey else 3,
        wishes.crop_share,
        wishes.background,
        wishes.values,
        kinds,
    )
    deep = {row: each for row, each in headers.items() if "deep" in each.kinds}
    told = _ranged(table, deep, found) if deep and not wishes.values else Survey(found)
    return replace(told, notes=(*told.notes, *shortcuts(table, headers)))


def _size(headers: list[Header]) -> int:
    """Pixels of a side: that of all pictures, or what suits the median shorter side."""
    shapes = {(each.width, each.height) for each in headers}
    size = int(np.median([min(each.width, each.height) for each in headers]))
    if len(shapes) == 1 and len(set(shapes.pop())) == 1:
        return size
    return max(8, min(size // 8 * 8, LARGEST_DEFAULT_SIZE))


def _ranged(table: PictureTable, deep: dict[int, Header], found: Format) -> Survey:
    """The survey of pictures of which some have more than 8 bits, with the range of their values.

    Where the files' formats say their ranges, each is scaled by its own; else one range holds for
    all: the smallest usual one that holds all values.
    """
    extremes = _extremes(table, list(deep))
    owns = {each.values for each in deep.values()}
    if not extremes:  # none can be decoded: who reads them will say so
        return Survey(found)
    low, high = min(extremes)[0], max(top for _, top in extremes)
    largest = max(own.high for own in owns if own) if any(owns) else 0
    told = f"the pictures of {table.source} that have more than 8 bits"
    if None not in owns:
        if high >= REACHED * largest:
            return Survey(found)
        bits = 2 ** int(high).bit_length() - 1  # 12 bits often come in files of 16
        note = (
            f"{told} are dark: their values reach {high:.10g} of {largest:.10g}; values=0..{bits} "
            "would show more of them"
        )
        return Survey(found, (note,))
    floats = any(each.mode == "F" for each in deep.values())
    usual = [top for top in ((1, *USUAL) if floats else USUAL) if top >= largest]
    top = next((top for top in usual if high <= top * (1 + BEYOND)), None)
    if top is None or high < REACHED * top or low < -BEYOND * top:
        raise DataError(
            f"{told} have values from {low:.10g} to {high:.10g}, and nothing says what is black "
            f"and what is white; add it, as in values={Range(low, max(high, low + 1))}"
        )
    return Survey(replace(found, values=Range(0, top)))


def _extremes(table: PictureTable, rows: list[int]) -> list[tuple[float, float]]:
    """The lowest and the highest number of each of some pictures, where they are numbers."""
    found = []
    for row in rows[:: -(-len(rows) // DECODED)]:
        name, content = table.picture(row)
        try:
            with opened(name, content) as picture:
                numbers = values(picture)
        except Exception:  # who reads it will say what is wrong
            continue
        numbers = numbers[np.isfinite(numbers)]
        if numbers.size:
            found.append((float(numbers.min()), float(numbers.max())))
    return found
