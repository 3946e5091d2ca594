"""From the bytes of a picture to pixels, by Pillow, which comes with the extra ``data``."""

from __future__ import annotations

import io
import math
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evo_nas.errors import DataError, PictureError

from .images import Crop

if TYPE_CHECKING:
    from PIL.Image import Image

GREY_MODES = {"1", "L", "LA", "I", "I;16", "F"}
RATIOS = (3 / 4, 4 / 3)  # of width to height of a random crop
TRIES = 10  # random crops that may not fit before the largest in the middle is taken

Content = bytes | str  # the file itself, or its path
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Format:
    """The form that pictures are decoded to: ``size`` pixels a side, 1 (grey) or 3 (RGB) channels.

    ``crop_share`` is how much of the shorter side is seen where nothing is random: 0.875 is the
    usual evaluation on ImageNet (shorter side to 256, 224 in the middle).
    """

    size: int
    channels: int
    crop_share: float = 1.0


def header(name: str, content: Content) -> tuple[str, int, int]:
    """Mode, width and height, without decoding."""
    with _opened(name, content) as picture:
        return picture.mode, picture.width, picture.height


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
    with _opened(name, content) as picture:
        if crop is None:
            box = middle(picture.size, chosen.crop_share)
        else:
            box = random_part(picture.size, crop, np.random.default_rng(seed))
        return _resized(name, picture, box, chosen)


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


def _opened(name: str, content: Content) -> Image:
    from PIL import Image  # an optional dependency

    try:
        if isinstance(content, str) and not stat.S_ISREG(os.stat(content).st_mode):
            raise ValueError("it is no regular file")  # a FIFO would be waited for
        picture = Image.open(io.BytesIO(content) if isinstance(content, bytes) else content)
    except Exception as error:  # decoders raise what they stumble over in broken content
        raise _explained(name, error) from error
    if min(picture.size) < 1:
        raise _explained(name, ValueError(f"it has {picture.width} x {picture.height} pixels"))
    return picture


def _explained(name: str, error: Exception) -> DataError:
    """Turn an error of decoding into one line that names the picture."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return DataError(f"memory is too short to decode picture {name}; choose fewer workers=")
    if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
        return DataError(f"picture {name} cannot be read ({error.strerror}); bring it back")
    return PictureError(f"picture {name} cannot be decoded ({reason}); repair or remove it")


def _resized(name: str, picture: Image, box: Box, chosen: Format) -> npt.NDArray[np.uint8]:
    from PIL import Image  # an optional dependency

    mode, (width, height) = "L" if chosen.channels == 1 else "RGB", picture.size
    # A large JPEG is decoded at a half, quarter or eighth, still twice what is needed.
    enough = 2 * chosen.size / min(box[2] - box[0], box[3] - box[1])
    try:
        picture.draft(mode, (math.ceil(width * enough), math.ceil(height * enough)))
        converted = picture.convert(mode)
    except Exception as error:  # decoders raise what they stumble over in broken content
        raise _explained(name, error) from error
    across, down = converted.width / width, converted.height / height
    scaled = (
        box[0] * across,
        box[1] * down,
        min(box[2] * across, converted.width),
        min(box[3] * down, converted.height),
    )
    size = (chosen.size, chosen.size)
    array = np.asarray(converted.resize(size, Image.Resampling.BICUBIC, box=scaled))
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
