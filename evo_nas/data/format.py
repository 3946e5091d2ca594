"""What pictures are decoded to, as training reads them and as a delivered network is to be fed.

Why: docs/decisions/036-one-description.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field

from evo_nas.errors import DataError

REVISION = 2  # of how pictures are read; 1 is that of version 0.1.0
Background = Literal["white", "black", "none"]


@dataclass(frozen=True, slots=True)
class Range:
    """The values that become black and white, in pictures of more than 8 bits.

    What lies beyond is clipped if that was asked for (``clips``); else the picture is refused.
    """

    low: Annotated[float, Field(allow_inf_nan=False)]
    high: Annotated[float, Field(allow_inf_nan=False)]
    clips: bool = False

    def __str__(self) -> str:
        return f"{self.low:.10g}..{self.high:.10g}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """What a user wrote, such as ``-1024..3071``."""
        low, _, high = text.partition("..")
        try:
            found = cls(float(low), float(high), clips=True)
        except ValueError:
            found = cls(0, 0)
        if not 0 < found.high - found.low < float("inf"):
            raise DataError(
                f"values={text!r} must be what is black and what is white, as in values=0..65535"
            )
        return found


@dataclass(frozen=True, slots=True)
class Format:
    """The form that pictures are decoded to: ``size`` pixels a side, 1 (grey) or 3 (RGB) channels.

    ``crop_share`` is how much of the shorter side is seen where nothing is random: 0.875 is the
    usual evaluation on ImageNet (shorter side to 256, 224 in the middle). Transparent pictures are
    laid on the ``background``; "none" leaves out what is transparent how far. ``values`` become
    black and white where pictures have more than 8 bits; None are those of the file's format.
    ``kinds`` are what of KINDS was found among the pictures.
    """

    size: Annotated[int, Field(ge=1, le=2**16)]
    channels: Literal[1, 3]
    crop_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    background: Background = "white"
    values: Range | None = None
    kinds: tuple[str, ...] = ()
    revision: Literal[1, 2] = 2

    @property
    def identity(self) -> str:
        """What tells this form from others in fingerprints.

        Where no picture was found that version 0.1.0 read otherwise, it is what that wrote.
        """
        plain = f"size={self.size}, channels={self.channels}, crop_share={self.crop_share}"
        if self.kinds:
            plain += f", background={self.background}, values={self.values}, revision=2"
        return f"Format({plain})"

    @property
    def steps(self) -> dict[str, str]:
        """What is done to a picture, in order and in words, by what it is done for."""
        if self.revision == 1:
            seldom = {
                "other": "as evo-nas 0.1.0 did: what has more than 8 bits is clipped at 255, "
                "nothing is turned by EXIF, and transparency is left out"
            }
        else:
            told = (
                f"{self.values} become 0..255"
                if self.values
                else (
                    "the range of the file's format becomes 0..255 (0..65535, where it has 16 bits)"
                )
            )
            clipped = ", what lies beyond is clipped" if self.values and self.values.clips else ""
            laid = "left out" if self.background == "none" else f"laid on {self.background}"
            seldom = {
                "turned": "turned upright as EXIF says",
                "deep": f"of more than 8 bits: {told}{clipped}",
                "transparent": f"what is transparent: {laid}",
            }
        grey = "grey (0.299 red + 0.587 green + 0.114 blue)" if self.channels == 1 else "RGB"
        share = "" if self.crop_share == 1 else f", {self.crop_share:g} of the shorter side,"
        return {
            **seldom,
            "colours": f"converted to {grey}",
            "size": f"the middle square{share} resized to {self.size}x{self.size} pixels, bicubic "
            "with antialiasing",
        }

    def __str__(self) -> str:
        steps = self.steps
        found = [steps[kind] for kind in self.kinds if kind in steps]
        return "; ".join([*found, steps["size"]])


# How pictures became the pixels that a network was trained on: a format, or the pixels were made by
# a source of data in its own way, or nobody knows.
Reading = Format | Literal["pixels", "unknown"]
