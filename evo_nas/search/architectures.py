"""Finding an architecture: a published network's name, an architecture file, or a run folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError, SpecError, nearest
from evo_nas.space.architecture import BEST, Architecture, read_architecture

from .run_folder import CONFIG


def find_architecture(what: str) -> Architecture:
    """The architecture that ``what`` names.

    Raises:
        SpecError: it is neither a file, nor a finished run's folder, nor a published name.
    """
    path = Path(what)
    if os.path.isdir(path):  # never raises, as of a name that is too long
        if not (path / BEST).is_file():
            raise SpecError(_without_best(path))
        return read_architecture(path / BEST)
    if os.path.isfile(path):
        return read_architecture(path)
    if path.name == BEST and os.path.isfile(path.parent / CONFIG):
        raise SpecError(_without_best(path.parent))
    if path.suffix == ".json":
        raise SpecError(f"there is no architecture file {what!r}")
    names = registry.names("network")
    if what not in names and ":" not in what:
        raise SpecError(
            f"{what!r} is no architecture file, no run folder and no published network; "
            f"{nearest(what, names)}"
        )
    architecture: Architecture = registry.load("network", what)
    return architecture


def _without_best(folder: Path) -> str:
    if (folder / CONFIG).is_file():
        return f"{folder} has no {BEST}: the run is not finished; evo-nas resume {folder}"
    return f"{folder} is no run folder: it has neither {BEST} nor {CONFIG}"


def published_networks() -> Mapping[str, Architecture]:
    """All published networks that can be loaded, by name; a broken plug-in is left out."""
    found = {}
    for name in registry.names("network"):
        try:
            found[name] = registry.load("network", name)
        except EvoNasError:
            continue
    return found
