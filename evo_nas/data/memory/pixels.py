"""Numbers of any kind and order as pixels: uint8 (n, channels, size, size)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from evo_nas.data.colour import BEYOND
from evo_nas.data.format import Range
from evo_nas.data.survey import REACHED, USUAL
from evo_nas.errors import DataError

Layout = Literal["NHW", "NHWC", "NCHW"]
Array = npt.NDArray[Any]
MOST_CHANNELS = 4  # that tell channels from rows and columns
_PART = 2**24  # numbers that are scaled at a time


def pixels_of(
    splits: Mapping[str, Any], layout: Layout | None, values: str | None
) -> tuple[dict[str, npt.NDArray[np.uint8]], list[str]]:
    """The pixels of each split, and what is to be told of them.

    The layout and the range of values are those of the first split, and hold for all.

    Raises:
        DataError: they are no pictures, or nobody can tell what their axes or values mean.
    """
    arrays = {name: _array(name, images) for name, images in splits.items()}
    first, images = next(iter(arrays.items()))
    layout = layout or layout_of(images, first)
    limits = Range.parse(values) if values is not None else range_of(images, first)
    found, notes = {}, []
    for name, each in arrays.items():
        ordered = _ordered(each, layout, name)
        if ordered.shape[1] != (channels := _ordered(images, layout, first).shape[1]):
            raise DataError(
                f"the images of {name!r} have {ordered.shape[1]} channels, those of {first!r} "
                f"{channels}; give all splits alike"
            )
        height, width = ordered.shape[2:]
        side = min(height, width)
        if height != width:
            notes.append(f"of {name} images, {height}x{width}, the middle {side}x{side} is taken")
        top, left = (height - side) // 2, (width - side) // 2
        middle = ordered[:, :, top : top + side, left : left + side]
        found[name] = scaled(middle, limits, name)
    return found, notes


def _array(name: str, images: Any) -> Array:
    """The images as an array, from wherever they are."""
    if hasattr(images, "detach"):  # a tensor
        images = images.detach().cpu()
        images = (images.float() if "bfloat" in str(images.dtype) else images).numpy()
    try:
        found = np.asarray(images)
    except ValueError as error:
        raise DataError(
            f"the images of {name!r} are not of one shape; give them alike, as one array"
        ) from error
    if found.dtype.kind not in "buif" or found.ndim not in (3, 4):
        raise DataError(
            f"the images of {name!r} are {found.dtype} {found.shape}; give numbers of shape "
            "(n, height, width), (n, height, width, channels) or (n, channels, height, width)"
        )
    if not found.size:
        raise DataError(f"the split {name!r} has no images {found.shape}; leave it out")
    return found


def layout_of(images: Array, name: str) -> Layout:
    """What the axes are, which the number of channels tells, if there are few."""
    if images.ndim == 3:
        return "NHW"
    first, last = images.shape[1] <= MOST_CHANNELS, images.shape[3] <= MOST_CHANNELS
    if first is last:
        raise DataError(
            f"the images of {name!r} are {images.shape}, in which channels cannot be told from "
            "rows and columns; say it: data=evo_nas.data.given(data, layout='NHWC'), or 'NCHW'"
        )
    return "NCHW" if first else "NHWC"


def _ordered(images: Array, layout: Layout, name: str) -> Array:
    """A view as (n, channels, height, width)."""
    if layout not in ("NHW", "NHWC", "NCHW") or images.ndim != len(layout):
        raise DataError(
            f"layout={layout!r} does not fit the images of {name!r}, {images.shape}; it is 'NHW', "
            "'NHWC' or 'NCHW'"
        )
    if layout == "NHW":
        return images[:, None]
    return images.transpose(0, 3, 1, 2) if layout == "NHWC" else images


def range_of(images: Array, name: str) -> Range:
    """What is black and white: of numbers but uint8 and uint16, the smallest usual range.

    Raises:
        DataError: no usual range holds them.
    """
    if images.dtype == np.uint8:
        return Range(0, 255)
    if images.dtype == bool:
        return Range(0, 1)
    low, high = float(images.min()), float(images.max())
    if not low - low == high - high == 0:
        raise DataError(
            f"the images of {name!r} have values that are no numbers, NaN or infinity; mend them"
        )
    if images.dtype == np.uint16:
        return Range(0, 65535)
    usual = (1, *USUAL) if images.dtype.kind == "f" else USUAL
    top = next((top for top in usual if high <= top * (1 + BEYOND)), None)
    if top is None or high < REACHED * top or low < -BEYOND * top:
        raise DataError(
            f"the images of {name!r} have values from {low:.10g} to {high:.10g}, and nothing says "
            "what is black and what is white; say it: data=evo_nas.data.given(data, "
            f"values='{Range(low, max(high, low + 1))}')"
        )
    return Range(0, top)


def scaled(images: Array, limits: Range, name: str) -> npt.NDArray[np.uint8]:
    """A copy of images (n, channels, size, size) as uint8; ``limits`` become 0 and 255.

    Raises:
        DataError: values are no numbers, or leave limits that clip nothing.
    """
    if images.dtype == np.uint8 and (limits.low, limits.high) == (0, 255):
        return np.array(images, order="C")
    width = limits.high - limits.low
    found = np.empty(images.shape, dtype=np.uint8)
    step = max(1, _PART // max(1, images[0].size))
    for at in range(0, len(images), step):
        part = images[at : at + step].astype(np.float64)
        low, high = float(part.min()), float(part.max())
        inside = limits.low - BEYOND * width <= low and high <= limits.high + BEYOND * width
        if not low - low == high - high == 0 or not (limits.clips or inside):
            raise DataError(
                f"the images of {name!r} have values from {low:.10g} to {high:.10g}, not within "
                f"{limits}, as others have; scale them alike, or say what is black and what is "
                f"white: data=evo_nas.data.given(data, values='{limits}')"
            )
        found[at : at + step] = (((part - limits.low) / width).clip(0, 1) * 255).round()
    return found
