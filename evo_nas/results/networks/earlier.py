"""What weights of version 0.1.0 do not say: how their pictures were read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from evo_nas.data.format import Format, Reading
from evo_nas.errors import EvoNasError
from evo_nas.results.page.commands import reads_files
from evo_nas.results.result import load_result
from evo_nas.search.run_folder import enclosing
from evo_nas.space.space import Geometry


def images_of(
    run: Path | None, weights: Path, measured: Mapping[str, Any]
) -> tuple[str | None, int]:
    """The images of the run that weights are of, or lie in: their spec, and its seed."""
    run = run or enclosing(weights)
    try:
        if run is not None:
            config = load_result(run).config
            return config.data, config.seed
    except EvoNasError:  # what lies around the weights need not be sound
        pass
    return measured.get("data"), int(measured.get("seed", 0))


def earlier_reading(geometry: Geometry, data: str | None) -> Reading:
    """How 0.1.0 read the pictures of ``data``, a spec; a folder's where nothing is known of it.

    It wrote down neither the size at which pictures were read, which was by default the network's,
    nor the share that was seen; the spec may say both.
    """
    if not reads_files(data or ""):
        return "pixels"
    _, _, query = (data or "").partition("?")
    given = dict(parse_qsl(query))
    try:
        size = int(given.get("image_size", geometry.image_size))
        share = float(given.get("crop_share", 1.0))
    except ValueError:  # nobody could have trained on it
        return "unknown"
    return Format(size, 1 if geometry.channels == 1 else 3, share, "none", revision=1)
