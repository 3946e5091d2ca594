"""Pictures of any kind as 8 bits of grey or RGB: their depth, transparency and colour space.

Pillow itself clips what has more than 8 bits, so that pictures become white, and drops how far
something is transparent, so that a drawing may vanish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .format import Format, Range

if TYPE_CHECKING:
    from PIL.Image import Image

GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
BITS, INTERPRETATION, NUMBERS = 258, 262, 339  # tags of TIFF: BitsPerSample and so on
BEYOND = 1e-3  # of a range, by which rounded values may leave it


def is_deep(mode: str) -> bool:
    """Whether pictures of this mode have more than 8 bits."""
    return mode[0] in "IF"


def is_transparent(picture: Image) -> bool:
    """Whether a picture says of its pixels how far they are transparent."""
    return picture.has_transparency_data


def own_range(picture: Image) -> Range | None:
    """What is black and white in a picture of more than 8 bits; None if its file does not say."""
    if picture.mode.startswith("I;16"):
        return Range(0, 2 ** _tag(picture, BITS, 16) - 1)
    if picture.mode == "I" and picture.format == "PPM":  # which Pillow has scaled
        return Range(0, 65535)
    return None


def values(picture: Image) -> npt.NDArray[Any]:
    """The numbers of a picture of more than 8 bits: (height, width)."""
    numbers = np.asarray(picture)
    unsigned = _tag(picture, BITS, 0) == 32 and _tag(picture, NUMBERS, 1) == 1
    if picture.mode == "I" and unsigned:  # Pillow holds them in 32 bits with a sign
        return numbers.view(np.uint32)
    return numbers


def eight_bits(picture: Image, chosen: Format) -> Image:
    """The picture in mode L or RGB.

    Raises:
        ValueError: its values have no known range, or leave it.
    """
    from PIL import Image  # an optional dependency

    mode = "L" if chosen.channels == 1 else "RGB"
    if chosen.revision == 1:
        return picture.convert(mode)
    if is_deep(picture.mode):
        picture = _scaled(picture, chosen.values or own_range(picture))
    elif picture.mode == "LAB":
        picture = _from_lab(picture)
    elif picture.mode == "La":  # grey that was multiplied by its opacity
        picture = picture.convert("LA")
    if is_transparent(picture) and chosen.background != "none":
        drawing = picture.convert("RGBA")
        ground = Image.new("RGBA", drawing.size, chosen.background)
        picture = Image.alpha_composite(ground, drawing).convert("RGB")
    return picture.convert(mode)


def _scaled(picture: Image, limits: Range | None) -> Image:
    """A picture of more than 8 bits in mode L, or LA where one of its values is transparent."""
    from PIL import Image  # an optional dependency

    numbers = values(picture)
    low, high = float(numbers.min()), float(numbers.max())
    if not low - low == high - high == 0:
        raise ValueError("it has values that are no numbers, NaN or infinity")
    if limits is None:
        raise ValueError(
            f"its values from {low:g} to {high:g} may mean anything: say what is black and what is "
            "white, as in values=0..65535"
        )
    slack = BEYOND * (limits.high - limits.low)
    if not limits.clips and (low < limits.low - slack or high > limits.high + slack):
        raise ValueError(
            f"its values from {low:g} to {high:g} are not within {limits}, as those of others are: "
            "say what is black and what is white, as in values=0..65535"
        )
    shares = (numbers.astype(np.float64) - limits.low) / (limits.high - limits.low)
    if _tag(picture, INTERPRETATION, 1) == 0:  # a TIFF in which 0 is white
        shares = 1 - shares
    grey = Image.fromarray((shares.clip(0, 1) * 255).round().astype(np.uint8))
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(numbers == clear, 0, 255).astype(np.uint8)))
    return grey


def _from_lab(picture: Image) -> Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(picture, ImageCms.buildTransform(lab, rgb, "LAB", "RGB"))
    assert converted is not None, "it is not changed in place"
    return converted


def _tag(picture: Image, number: int, default: int) -> int:
    """The first value of a tag of TIFF; the default where there is none."""
    found = getattr(picture, "tag_v2", {}).get(number, default)
    return int(found[0] if isinstance(found, tuple) else found)
