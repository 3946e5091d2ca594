"""The images that a network was found on, on which it is trained unless others are named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.validation import read_json, shown
from evo_nas.data.source import DataSource, SearchData
from evo_nas.errors import EvoNasError, SettingsError, SpecError
from evo_nas.results.hub.address import located
from evo_nas.search.config import Config
from evo_nas.search.run_folder import CONFIG, enclosing
from evo_nas.search.settings import DIGITS
from evo_nas.space.architecture import ARCHITECTURE, BEST
from evo_nas.training.weights import read_told


@dataclass(frozen=True, slots=True)
class Images:
    """The spec of images, ``why`` these, and the configuration of the run that had them, if any."""

    spec: str
    why: str
    run: Config | None = None

    def load(self, seed: int) -> tuple[DataSource, SearchData]:
        """The images, split by ``seed``.

        Raises:
            EvoNasError: they cannot be read; it says who named them.
        """
        try:
            source: DataSource = registry.load("data", self.spec)
            data = source.load(seed)
        except EvoNasError as error:
            if not self.why:
                raise
            told = f"{error}; these are the images {self.why}; name others with --data"
            raise type(error)(told) from error
        if not len(data.train):
            raise SettingsError(f"data {self.spec!r} has no images to train on; name some")
        return source, data


def images_for(what: str) -> Images:
    """The images of the run that a network is of, or those that its file tells; else the digits.

    Raises:
        EvoNasError: the file tells of images that nobody can find again, or of unknown code.
    """
    path = located(what)
    if os.path.exists(path):
        run = enclosing(path / BEST if os.path.isdir(path) else path)
        if run is not None:
            config = Config.read(run / CONFIG)
            if config.data != "none":
                return Images(config.data, f"of the run {run.name}", config)
            return Images(DIGITS, "taken by default, as the run looked at none", config)
        if (spec := _told(path)) not in (None, "none"):
            check_known([str(spec)], path)
            return Images(str(spec), f"that {path} names")
    return Images(DIGITS, "taken by default, as nothing names others")


def _told(path: Path) -> str | None:
    """What a model folder, weights or an architecture file say of the images, if they do."""
    in_folder = os.path.isdir(path)
    file = path / (ARCHITECTURE if (path / ARCHITECTURE).is_file() else BEST) if in_folder else path
    if file.suffix == ".json":
        content = read_json(file, SpecError)
        measured = content.get("measured") if isinstance(content, Mapping) else None
    else:
        measured = read_told(file, "measured", dict[str, Any], "{}")
    spec = measured.get("data") if isinstance(measured, Mapping) else None
    if not isinstance(spec, str):
        return None
    if file.name == ARCHITECTURE and spec.partition("?")[0] not in registry.names("data"):
        raise SettingsError(
            f"{path} names its images {shown(spec)}, but not where they are; say it with --data"
        )
    return spec
