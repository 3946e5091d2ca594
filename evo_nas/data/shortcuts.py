"""What pictures show badly or not at all: shortcuts, and pictures of one value.

A shortcut is what the files of pictures are, and not what they show, that tells classes apart.

A network that learns it is right about these pictures, and wrong about all others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .colour import GREY_MODES
from .decode import Header
from .images import ImageSet
from .inventory import named_classes
from .pictures import PictureTable

LOOKED_AT = 128  # training images, about, in which there should be something to see
FLAT = 2  # of 255: what varies less within a picture is no drawing
NEARLY = 0.95  # of the pictures of a class, which is as good as all
FEWEST = 3  # pictures of a class that are looked at, or it is passed over
_KINDS = {
    "transparent": "transparent",
    "deep": "of more than 8 bits",
    "turned": "turned by EXIF",
}


def shortcuts(table: PictureTable, headers: Mapping[int, Header]) -> list[str]:
    """A line for each kind of file that nearly all pictures of a class are, and none of another.

    ``headers`` are those of some rows. Of kinds that part the classes alike one is told.
    """
    labels = table.labels[list(headers)]
    counts = np.bincount(labels, minlength=len(table.classes))
    found, told = [], set[frozenset[tuple[int, ...]]]()
    for kind, places in _places(list(headers.values())).items():
        shares = np.bincount(labels[places], minlength=len(counts)) / counts.clip(1)
        looked = counts >= FEWEST
        having = tuple(np.flatnonzero(looked & (shares >= NEARLY)).tolist())
        lacking = tuple(np.flatnonzero(looked & (shares <= 1 - NEARLY)).tolist())
        parts = frozenset((having, lacking))
        if not having or not lacking or parts in told:
            continue
        told.add(parts)
        one, other = (named_classes([table.classes[i] for i in each]) for each in (having, lacking))
        found.append(
            f"pictures of {one} are {kind} and those of {other} are not: a network can tell them "
            "apart by that alone, and would fail where it is otherwise"
        )
    return found


def _places(headers: list[Header]) -> dict[str, list[int]]:
    """Which of some pictures are of each kind that there is."""
    found: dict[str, list[int]] = {}
    for place, header in enumerate(headers):
        kinds = [_KINDS[kind] for kind in header.kinds if kind in _KINDS]
        kinds.append("grey" if header.mode in GREY_MODES else "coloured")
        for kind in [*kinds, f"{header.format} files", f"{header.width}x{header.height} pixels"]:
            found.setdefault(kind, []).append(place)
    return found


def flat_note(images: ImageSet, name: str) -> list[str]:
    """A line, if most of the pictures looked at are constant: nothing can be seen in them."""
    looked = images.take(np.arange(0, len(images), -(-len(images) // LOOKED_AT)))
    pixels = looked.load().pixels
    spread = (pixels.amax((2, 3)) - pixels.amin((2, 3))).amax(1)
    flat = int((spread <= FLAT).sum())
    if 2 * flat <= len(pixels):
        return []
    return [
        f"{flat} of {len(pixels)} pictures of {name} that were looked at are constant, one value "
        "all over: little can be learnt from them (another background= may show a drawing that is "
        "partly transparent; values= says what is black and white in more than 8 bits)"
    ]
