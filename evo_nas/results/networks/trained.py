"""Trained networks by name: a run's, a finalist's, an architecture with weights, weights alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from evo_nas.core.paths import absolute, expanded
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.typed import typed
from evo_nas.data.source import DataSource
from evo_nas.errors import CheckpointError, SettingsError
from evo_nas.results.result import load_result
from evo_nas.search.architectures import find_architecture
from evo_nas.search.run_folder import CONFIG, FINALISTS, WEIGHTS
from evo_nas.space.architecture import BEST, Architecture
from evo_nas.space.space import Geometry, Space
from evo_nas.training.weights import (
    Delivered,
    check_weights,
    read_description,
    read_metadata,
    read_state_dict,
    read_told,
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its weights, and how its images are prepared.

    ``run`` is the folder of the run it is from. ``measured`` is what best.json, a finalist's file
    or the weights say of how well it does.
    """

    name: str
    network: nn.Module
    about: Delivered
    space: Space
    weights: Path
    run: Path | None
    measured: Mapping[str, Any]


def load_trained(
    what: str,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    weights: Path | None = None,
) -> Trained:
    """The network that ``what`` names, in evaluation mode.

    A finished run, one of its finalists (RUN/finalists/2.json), weights that say their network, an
    architecture with ``weights``, or ``ARCHITECTURE=WEIGHTS``.

    The weights say at which geometry and on which images they were trained; where they do not, the
    run does, else the geometry is the space's target. ``mean`` and ``std`` (by channel, in 0..1)
    override theirs.

    Raises:
        EvoNasError: there is no such network, or its weights do not fit.
        SettingsError: nothing says how images are normalised.
    """
    architecture, file, record = _find(what, weights)
    return load_architecture(architecture, file, record, mean, std)


def load_architecture(
    architecture: Architecture,
    file: Path,
    record: Path | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Trained:
    """An architecture with the weights in ``file``; see :func:`load_trained`.

    ``record`` is what a run wrote of it: its best.json, or a finalist's file.
    """
    run = None if record is None else record.parent
    if run is not None and run.name == FINALISTS:
        run = run.parent
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    about = read_description(file)
    if about is not None and about.genome != genome:
        raise CheckpointError(f"{file} holds weights of another network than {architecture.name}")
    if about is None:
        about = _of_run(run) if run else Delivered("", genome, space.target, (), ())
    network = space.build(genome, about.geometry)
    tensors = read_state_dict(file)
    check_weights(network, tensors, str(file))
    network.load_state_dict(tensors)
    mean, std = tuple(mean or about.mean), tuple(std or about.std)
    if not mean or not std:
        raise SettingsError(
            f"{file} does not say how images are normalised; give --mean and --std, such as "
            "0.485,0.456,0.406 and 0.229,0.224,0.225 for networks trained on ImageNet"
        )
    for values in (mean, std):
        if len(values) != about.geometry.channels:
            raise SettingsError(
                f"{architecture.name} reads {about.geometry.channels} channels, not {len(values)}"
            )
    about = replace(about, space=architecture.space, genome=genome, mean=mean, std=std)
    if record is None:
        measured = read_told(file, "measured", dict[str, Any], "{}")
    else:
        measured = json.loads(record.read_text(encoding="utf-8")).get("measured")
        measured = measured if isinstance(measured, dict) else {}
    return Trained(architecture.name, network.eval(), about, space, file, run, measured)


def _find(what: str, weights: Path | None) -> tuple[Architecture, Path, Path | None]:
    """The architecture, the file of its weights, and what a run wrote of it, if both are of one."""
    path = expanded(what)
    own = (BEST,) if weights else (BEST, WEIGHTS)
    if path.name in own and os.path.isfile(path) and (path.parent / CONFIG).is_file():
        path = absolute(path).parent  # the run's name, also if it was named from within its folder
    if os.path.isdir(path):  # never raises, as of a name that is too long
        record = None if weights else path / BEST
        return find_architecture(str(path)), weights or path / WEIGHTS, record
    if weights is None and path.suffix == ".safetensors" and "=" not in what:
        about = read_description(path)
        if about is None:
            raise SettingsError(f"{path} does not say of which network it is; give ARCHITECTURE=")
        check_known([about.space], path)
        return Architecture(path.stem, about.space, about.genome), path, None
    if weights is None and not os.path.isfile(path) and "=" in what:
        name, _, file = what.rpartition("=")
        return find_architecture(name), expanded(file), None
    architecture = find_architecture(what)
    if weights is not None:
        return architecture, weights, None
    run = absolute(path).parent.parent
    if path.parent.name == FINALISTS and (run / CONFIG).is_file():
        named = replace(architecture, name=f"{run.name}-finalist-{path.stem}")
        return named, _weights_of_finalist(run, architecture), absolute(path)
    raise SettingsError(
        f"{what} has no weights: name a run, or ARCHITECTURE=WEIGHTS (or --weights FILE); "
        f"evo-nas train {what} makes some"
    )


def _weights_of_finalist(run: Path, architecture: Architecture) -> Path:
    """What a retraining left of the genome; of several stages, the last."""
    genome = " ".join(map(str, architecture.genome))
    files = sorted(run.glob("checkpoints/*/finalists/*.safetensors"))
    found = [file for file in files if read_metadata(file).get("genome") == genome]
    if not found:
        raise CheckpointError(f"{run} keeps no weights of the finalist {architecture.name}")
    return found[-1]


def _of_run(folder: Path) -> Delivered:
    """What a run knows of its network whose weights do not say it."""
    result = load_result(folder)
    if result.best is None or "geometry" not in result.best["measured"]:
        raise CheckpointError(f"{folder} has no trained network")
    table, place = result.best["measured"]["geometry"], f"{folder / BEST}, measured.geometry"
    geometry = typed(Geometry, table, place, CheckpointError)
    source: DataSource = registry.load("data", result.config.data)
    data = source.load(result.config.seed)
    return Delivered("", (), geometry, data.mean, data.std, tuple(data.classes))
