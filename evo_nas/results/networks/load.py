"""Trained networks in one line: ``evo_nas.load("folder")``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from torch import nn

from evo_nas.core.paths import absolute, expanded
from evo_nas.core.plugins.trusted_code import check_known, trusting
from evo_nas.errors import SpecError
from evo_nas.space.architecture import Architecture, read_architecture
from evo_nas.space.network import as_classifier, check_classes

from .carried import code_in, located
from .model_folder import ARCHITECTURE, WEIGHTS
from .trained import Trained, load_architecture, load_trained


def load(
    what: str | Path,
    weights: str | Path | None = None,
    *,
    num_classes: int | None = None,
    trust_code: bool = False,
) -> nn.Module:
    """A trained network, in evaluation mode, on the CPU.

    Its attribute ``pretrained_cfg`` says what it reads: ``input_size`` (channels, size, size),
    ``mean`` and ``std`` (by channel, of pixels in 0..1), ``num_classes``, ``label_names``.

    Args:
        what: a model folder, a finished run, one of its finalists, weights of evo-nas, or an
            architecture (a file or a published name) whose ``weights`` are given.
        weights: a safetensors file.
        num_classes: replaces the classifier by an untrained one for so many; 0 takes it away.
        trust_code: allows to run code that a file names: the Python file that a model folder
            carries as its space, or the plug-ins of a run or an architecture file of others.

    Raises:
        EvoNasError: there is no such network, or its weights do not fit.
        SpecError: the space is code, and it was not said that it is trusted.
        SettingsError: ``num_classes`` is no number of classes.
        SpaceError: the network cannot be given other classes.
    """
    if num_classes is not None:
        check_classes(num_classes)
    folder = expanded(what)
    file = expanded(weights) if weights is not None else None
    if os.path.isfile(folder / ARCHITECTURE):
        trained = _of_folder(folder, file, trust_code)
    else:
        with trusting(trust_code):
            trained = load_trained(str(folder), weights=file)
    network, about = trained.network, trained.about
    geometry = about.geometry
    if num_classes is not None:
        as_classifier(network).reset_classifier(num_classes)
    network.pretrained_cfg = {  # type: ignore[assignment]  # a plain attribute, as timm's models have
        "input_size": (geometry.channels, geometry.image_size, geometry.image_size),
        "mean": about.mean,
        "std": about.std,
        "num_classes": geometry.classes,
        "label_names": about.classes,
    }
    return network


def _of_folder(folder: Path, weights: Path | None, trust_code: bool) -> Trained:
    path = folder / ARCHITECTURE
    architecture: Architecture = read_architecture(path, known_code=False)
    spec, code = located(architecture.space, folder), code_in(architecture.space, folder)
    if code is None:
        check_known([architecture.space], path)
    elif not trust_code:
        raise SpecError(
            f"the space of {folder} is code, {code.name}, which loading runs: read it, and if "
            "you trust it, load with trust_code=True"
        )
    named = replace(architecture, name=absolute(folder).name, space=spec)
    return load_architecture(named, weights or folder / WEIGHTS)
