"""From the bytes of a picture to pixels, by Pillow, which comes with the extra ``data``."""

from __future__ import annotations

import io
import math
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evo_nas.errors import DataError, PictureError

from .colour import eight_bits, is_deep, is_transparent, own_range
from .format import Format, Range
from .images import Crop

if TYPE_CHECKING:
    from PIL.Image import Image

RATIOS = (3 / 4, 4 / 3)  # of width to height of a random crop
TRIES = 10  # random crops that may not fit before the largest in the middle is taken

# How a picture becomes upright, by its EXIF orientation.
TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
SWAPPING = (5, 6, 7, 8)
DRAFTING = ("JPEG", "MPO")  # formats of which Pillow decodes less than all
ORIENTATION = 274  # a tag of EXIF

Content = bytes | str  # the file itself, or its path
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's file says before it is decoded.

    ``values`` are its format's range, if it has more than 8 bits and says it. ``kinds`` are what it
    is that version 0.1.0 read otherwise; ``format`` is Pillow's name of it, as "PNG".
    """

    mode: str
    width: int
    height: int
    kinds: tuple[str, ...]
    values: Range | None
    format: str


def header(name: str, content: Content) -> Header:
    """What the file says, without decoding."""
    with opened(name, content) as picture:
        turned = picture.format != "TIFF" and _orientation(picture) in TURNS  # which Pillow turns
        found = {
            "deep": is_deep(picture.mode),
            "transparent": is_transparent(picture),
            "turned": turned,
            "lab": picture.mode == "LAB",
        }
        kinds = tuple(kind for kind, holds in found.items() if holds)
        return Header(picture.mode, *picture.size, kinds, own_range(picture), str(picture.format))


def decode(
    name: str,
    content: Content,
    chosen: Format,
    crop: Crop | None = None,
    seed: int | tuple[int, int] = 0,
) -> npt.NDArray[np.uint8]:
    """The middle of a picture, or with a ``crop`` a random part: (channels, size, size).

    ``name`` is for messages.

    Raises:
        PictureError: it cannot be decoded.
        DataError: it cannot be read.
    """
    with opened(name, content) as picture:
        return read(name, picture, chosen, crop, seed)


def read(
    name: str,
    picture: Image,
    chosen: Format,
    crop: Crop | None = None,
    seed: int | tuple[int, int] = 0,
) -> npt.NDArray[np.uint8]:
    """What :func:`decode` gives of a picture that is open."""
    from PIL import Image  # an optional dependency

    with _explaining(name):
        if picture.format not in DRAFTING:
            picture.load()  # some formats tell their size and their orientation only now
        turn = None if chosen.revision == 1 else _orientation(picture)
        width, height = picture.size[::-1] if turn in SWAPPING else picture.size
        if crop is None:
            box = middle((width, height), chosen.crop_share)
        else:
            box = random_part((width, height), crop, np.random.default_rng(seed))
        # A large JPEG is decoded at a half, quarter or eighth, still twice what is needed.
        enough = 2 * chosen.size / min(box[2] - box[0], box[3] - box[1])
        asked = (math.ceil(picture.width * enough), math.ceil(picture.height * enough))
        picture.draft("L" if chosen.channels == 1 else "RGB", asked)
        converted = eight_bits(picture, chosen)
        if turn in TURNS:
            converted = converted.transpose(Image.Transpose[TURNS[turn]])
    return _resized(converted, box, (width, height), chosen.size)


def middle(size: tuple[int, int], share: float) -> Box:
    """The square in the middle whose side is this share of the shorter side."""
    side = min(size) * share
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side


def random_part(size: tuple[int, int], crop: Crop, generator: np.random.Generator) -> Box:
    """A random box in whole pixels, for the random resized crop of DeiT (arXiv 2012.12877).

    Its area is a uniform share of the picture's within ``crop``, the logarithm of its ratio of
    width to height uniform within RATIOS.
    """
    width, height = size
    areas = generator.uniform(*crop, TRIES) * width * height
    ratios = np.exp(generator.uniform(math.log(RATIOS[0]), math.log(RATIOS[1]), TRIES))
    widths, heights = np.rint(np.sqrt(areas * ratios)), np.rint(np.sqrt(areas / ratios))
    fitting = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
    if not fitting.any():  # the picture is very wide or very high
        w = min(width, max(1, round(height * RATIOS[1])))
        h = min(height, max(1, round(width / RATIOS[0])))
        left, top = (width - w) // 2, (height - h) // 2
    else:
        first = int(fitting.argmax())
        w, h = int(widths[first]), int(heights[first])
        left = int(generator.integers(width - w + 1))
        top = int(generator.integers(height - h + 1))
    return left, top, left + w, top + h


def opened(name: str, content: Content) -> Image:
    """A picture of which only the header is read; to be closed."""
    from PIL import Image  # an optional dependency

    with _explaining(name):
        if isinstance(content, str) and not stat.S_ISREG(os.stat(content).st_mode):
            raise ValueError("it is no regular file")  # a FIFO would be waited for
        picture = Image.open(io.BytesIO(content) if isinstance(content, bytes) else content)
        if min(picture.size) < 1:
            raise ValueError(f"it has {picture.width} x {picture.height} pixels")
    return picture


def _orientation(picture: Image) -> int | None:
    """How the camera was held, as EXIF says; damaged EXIF says nothing."""
    if picture.format == "PNG" and getattr(picture, "tile", None) and "exif" not in picture.info:
        return None  # Pillow would decode all of it to find more
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF
            found = picture.getexif().get(ORIENTATION)
    except Exception:  # it is read by what stumbles over broken content
        return None
    return found if found in TURNS else None


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # decoders raise what they stumble over in broken content
        raise _explained(name, error) from error


def _explained(name: str, error: Exception) -> DataError:
    """Turn an error of decoding into one line that names the picture."""
    reason = " ".join(str(error).partition(" <_io.")[0].split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return DataError(f"memory is too short to decode picture {name}; choose fewer workers=")
    if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
        return DataError(f"picture {name} cannot be read ({error.strerror}); bring it back")
    return PictureError(f"picture {name} cannot be decoded ({reason}); repair or remove it")


def _resized(picture: Image, box: Box, seen: tuple[int, int], size: int) -> npt.NDArray[np.uint8]:
    """A part of a picture, whose ``box`` is in pixels of the size at which it is ``seen``."""
    from PIL import Image  # an optional dependency

    across, down = picture.width / seen[0], picture.height / seen[1]
    scaled = (
        box[0] * across,
        box[1] * down,
        min(box[2] * across, picture.width),
        min(box[3] * down, picture.height),
    )
    array = np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC, box=scaled))
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
