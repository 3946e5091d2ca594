"""Feature heat maps of networks side by side on given pictures, as one image (paper, Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from evo_nas.core.validation import check_regular
from evo_nas.data.images import prepare
from evo_nas.errors import DataError
from evo_nas.results.networks.trained import Trained
from evo_nas.space.network import heat_maps

if TYPE_CHECKING:
    from PIL.Image import Image

_CELL, _GAP, _HEADER = 224, 8, 26  # pixels
# From the least to the greatest feature; viridis (van der Walt and Smith, 2015) at five places.
_SCALE = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)])


def feature_figure(networks: Sequence[Trained], pictures: Sequence[Path]) -> Image:
    """Rows are pictures; columns are the original, then each network's heat map.

    Raises:
        DataError: Pillow is missing, or a picture cannot be read.
    """
    pil = _pillow()
    size = (_GAP + (len(networks) + 1) * (_CELL + _GAP), _HEADER + len(pictures) * (_CELL + _GAP))
    figure: Image = pil.Image.new("RGB", size, "white")
    draw, font = pil.ImageDraw.Draw(figure), pil.ImageFont.load_default(14)
    for column, name in enumerate(["image", *(network.name for network in networks)]):
        left = _GAP + column * (_CELL + _GAP)
        while draw.textlength(name, font) > _CELL:
            name = name[:-2] + "…"  # noqa: PLW2901
        draw.text((left, 4), name, fill="black", font=font)
    for row, path in enumerate(pictures):
        columns = [_square(path, _CELL, 3)]
        columns += [pil.Image.fromarray(_heat(network, path)) for network in networks]
        for column, picture in enumerate(columns):
            place = (_GAP + column * (_CELL + _GAP), _HEADER + row * (_CELL + _GAP))
            figure.paste(picture.resize((_CELL, _CELL)), place)
    return figure


def _heat(trained: Trained, path: Path) -> np.ndarray:
    """A network's heat map in colours, uint8 (size, size, 3)."""
    geometry = trained.about.geometry
    pixels = np.asarray(_square(path, geometry.image_size, geometry.channels))
    channels_first = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    stored: Tensor = torch.from_numpy(channels_first.copy())[None]
    images = prepare(stored, trained.about.mean, trained.about.std, geometry.image_size)
    heat = heat_maps(trained.network, images)[0].numpy()
    places = np.linspace(0, 1, len(_SCALE))
    colours = [np.interp(heat, places, _SCALE[:, channel]) for channel in range(3)]
    return np.stack(colours, axis=-1).round().astype(np.uint8)


def _square(path: Path, size: int, channels: int) -> Image:
    """The middle of a picture, resized; grey where one channel is read."""
    pil = _pillow()
    check_regular(path, DataError, "picture")
    try:
        with pil.Image.open(path) as picture:
            converted = picture.convert("L" if channels == 1 else "RGB")
    except MemoryError:
        raise
    except Exception as error:  # decoders raise what they stumble over in broken content
        raise DataError(f"picture {path} cannot be read: {error}") from error
    fitted: Image = pil.ImageOps.fit(converted, (size, size), pil.Image.Resampling.BICUBIC)
    return fitted


def _pillow() -> Any:
    """Pillow with the modules that are needed, which comes with the extra ``data``."""
    try:
        import PIL.Image
        import PIL.ImageDraw
        import PIL.ImageFont
        import PIL.ImageOps
    except ImportError as error:
        raise DataError(
            "reading and writing pictures needs an extra package of evo-nas: "
            f"pip install 'evo-nas[data]' ({error})"
        ) from error
    return PIL
