"""Images in memory that stand in two splits, equal to the last pixel."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from evo_nas.data.images import Images, ImageSet


def shared_images(splits: Mapping[str, ImageSet]) -> list[str]:
    """A line for each two splits that share images; later ones are measured on."""
    seen: dict[bytes, str] = {}
    shared: dict[tuple[str, str], int] = {}
    for name, images in splits.items():
        if not isinstance(images, Images):
            continue
        for picture in images.pixels.contiguous().numpy():
            digest = hashlib.blake2b(picture.data, digest_size=16).digest()
            earlier = seen.setdefault(digest, name)
            if earlier != name:
                shared[earlier, name] = shared.get((earlier, name), 0) + 1
    return [
        f"{count:,} of {len(splits[name]):,} {name} images stand in the {earlier} split too"
        for (earlier, name), count in shared.items()
    ]
