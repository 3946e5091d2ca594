"""Trained networks by name: a run's, or an architecture with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from . import registry
from .architectures import find_architecture
from .data import DataSource
from .delivered import Delivered, read_description
from .errors import CheckpointError, SettingsError
from .released import check_weights, read_state_dict
from .result import load_result
from .runfolder import WEIGHTS
from .space import Geometry, Space


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its weights, and how its images are prepared."""

    name: str
    network: nn.Module
    geometry: Geometry
    mean: Sequence[float]
    std: Sequence[float]


def load_trained(
    what: str, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> Trained:
    """A finished run's network, or ``ARCHITECTURE=WEIGHTS``.

    The weights say at which geometry and on which images they were trained; where they do not, the
    geometry is the space's target. ``mean`` and ``std`` (by channel, in 0..1) override theirs.

    Raises:
        EvoNasError: there is no such network, or its weights do not fit.
        SettingsError: nothing says how images are normalised.
    """
    if Path(what).is_dir():
        name, weights = what, Path(what) / WEIGHTS
    else:
        name, equals, file = what.rpartition("=")
        if not equals:
            raise SettingsError(f"network {what!r}: name a run's folder, or ARCHITECTURE=WEIGHTS")
        weights = Path(file)
    architecture = find_architecture(name)
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    about = read_description(weights)
    if about is None and Path(what).is_dir():
        about = _of_run(Path(what))
    geometry = about.geometry if about else space.target
    network = space.build(genome, geometry)
    tensors = read_state_dict(weights)
    check_weights(network, tensors, str(weights))
    network.load_state_dict(tensors)
    if about:
        mean, std = mean or about.mean, std or about.std
    if not mean or not std:
        raise SettingsError(
            f"{weights} does not say how images are normalised; give --mean and --std, such as "
            "0.485,0.456,0.406 and 0.229,0.224,0.225 for networks trained on ImageNet"
        )
    for values in (mean, std):
        if len(values) != geometry.channels:
            raise SettingsError(f"{what} reads {geometry.channels} channels, not {len(values)}")
    return Trained(architecture.name, network, geometry, mean, std)


def _of_run(folder: Path) -> Delivered:
    """What a run made by an earlier version knows, whose weights do not say it."""
    result = load_result(folder)
    if result.best is None or "geometry" not in result.best["measured"]:
        raise CheckpointError(f"{folder} has no trained network")
    source: DataSource = registry.load("data", result.config.data)
    data = source.load(result.config.seed)
    geometry = Geometry(**result.best["measured"]["geometry"])
    genome = tuple(result.best["genome"])
    return Delivered(result.config.space, genome, geometry, data.mean, data.std)
