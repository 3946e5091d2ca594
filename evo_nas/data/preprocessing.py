"""What is done to a picture before a network reads it: the one description that all others are of.

Training reads pictures by it, and the model card, preprocessing.json, ``pretrained_cfg`` and the
metadata of exported files are made of it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from evo_nas.errors import DataError

from .decode import opened, read
from .format import Format, Reading
from .images import prepare
from .pictures import imported

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture = str | PathLike[str] | bytes | Image

NORMALISATION = "(pixel / 255 - mean) / std, by channel"
_UNTOLD = {
    "pixels": "pixels as the source of the data makes them",
    "unknown": "how pictures became pixels is not known: the weights do not say it",
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """From pictures to what a network reads, float32 (n, channels, image_size, image_size).

    ``mean`` and ``std`` are by channel, of pixels in 0..1. ``reading`` is how pictures become
    pixels: a :class:`~evo_nas.data.format.Format`, "pixels" where a source of data makes them in
    its own way, or "unknown".
    """

    image_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    reading: Reading = "unknown"

    def apply(self, *pictures: Picture) -> Tensor:
        """What the network reads of pictures: paths, the bytes of files, or Pillow's pictures.

        They are read as in training. Where nobody knows how that was, the middle square is taken.

        Raises:
            DataError: one cannot be read, there is none, or the network reads no pictures in grey
                or RGB.
        """
        if not pictures:
            raise DataError("no picture is given; name at least one")
        self.check()
        images = [
            prepare(self._pixels(picture), self.mean, self.std, self.image_size)
            for picture in pictures
        ]
        return torch.cat(images)

    def check(self) -> None:
        """Raise a DataError if no picture can be read for the network, whatever it is."""
        imported("PIL.Image")
        if self.channels not in (1, 3):
            raise DataError(
                f"pictures are grey or RGB, and the network reads {self.channels} channels; make "
                "pixels of them yourself, for evo_nas.data.prepare"
            )

    def _pixels(self, picture: Picture) -> Tensor:
        """The pixels of one picture: uint8 (1, channels, size, size)."""
        with ExitStack() as stack:
            if isinstance(picture, str | bytes | PathLike):
                content = picture if isinstance(picture, bytes) else fspath(picture)
                name = "in memory" if isinstance(content, bytes) else content
                picture = stack.enter_context(opened(name, content))
            elif not hasattr(picture, "getexif"):
                raise DataError(
                    f"a {type(picture).__name__} is no picture; give paths, the bytes of files or "
                    "Pillow's pictures, one argument each"
                )
            else:
                name = getattr(picture, "filename", "") or "in memory"
                picture.load()  # all of it: it is not for us to have a JPEG decoded small
            chosen = self.reading
            if isinstance(chosen, str):
                chosen = Format(min(picture.size), 1 if self.channels == 1 else 3)
            return torch.from_numpy(read(name, picture, chosen).copy())[None]

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done, in order and in words."""
        told = self.reading
        first = (_UNTOLD[told],) if isinstance(told, str) else tuple(told.steps.values())
        return (*first, *self._resized, NORMALISATION)

    @property
    def _resized(self) -> tuple[str, ...]:
        """What is done to pixels of another size than the network reads."""
        size = f"{self.image_size}x{self.image_size}"
        how = "bilinear with antialiasing"
        if isinstance(self.reading, str):
            return (
                f"of other proportions the middle square, of another size than {size} resized "
                f"to it, {how}",
            )
        if self.reading.size == self.image_size:
            return ()
        return (f"resized once more, to {size} pixels, {how}",)

    def __str__(self) -> str:
        told = _UNTOLD[self.reading] if isinstance(self.reading, str) else str(self.reading)
        return "; ".join([told, *self._resized])

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, for programs."""
        known = None if isinstance(self.reading, str) else self.reading
        values = known and known.values
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "steps": list(self.steps),
            "crop": "middle square",
            "crop_share": known and known.crop_share,
            "read_size": known and known.size,
            "interpolation": known and "bicubic",
            "antialias": True,
            "background": known and known.background,
            "values": [values.low, values.high] if values else None,
            "reading": asdict(known) if known else self.reading,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @property
    def config(self) -> dict[str, Any]:
        """The same in timm's words, for ``timm.data.resolve_model_data_config``.

        timm cannot say that pictures are resized twice: then only the first is told. Nor does it
        know of more than 8 bits and transparency.
        """
        config = {
            "input_size": (self.channels, self.image_size, self.image_size),
            "mean": self.mean,
            "std": self.std,
        }
        if self.reading == "unknown":
            return config
        square = {"crop_mode": "center", "crop_pct": 1.0, "interpolation": "bilinear"}
        if isinstance(self.reading, Format):
            square |= {"crop_pct": self.reading.crop_share, "interpolation": "bicubic"}
        return config | square
