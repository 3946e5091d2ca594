"""Trained networks by name: a run's, a finalist's, an architecture with weights, weights alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.blame import describe
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.data.format import Format
from evo_nas.data.source import DataSource
from evo_nas.errors import CheckpointError, SettingsError, shell_word
from evo_nas.results.result import load_result
from evo_nas.search.given.values import whole_number
from evo_nas.search.run_folder import CONFIG, WEIGHTS
from evo_nas.space.architecture import ARCHITECTURE, BEST
from evo_nas.space.logits import wrong_network
from evo_nas.space.network import as_classifier
from evo_nas.space.space import Geometry, Space
from evo_nas.training.weight_names import check_weights, classes_of, is_headless, named_for
from evo_nas.training.weights import (
    Delivered,
    read_description,
    read_state_dict,
    read_told,
    weights_file,
)

from .earlier import earlier_reading, images_of
from .names import MODEL, Named, find_network


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its weights, and how its images are prepared.

    ``run`` is the folder of the run it is from. ``measured`` is what best.json, a finalist's file
    or the weights say of how well it does. One that is ``headless`` has no classifier, as its
    weights have none.
    """

    name: str
    network: nn.Module
    about: Delivered
    space: Space
    weights: Path
    run: Path | None
    measured: Mapping[str, Any]
    headless: bool = False


def load_trained(
    what: str,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    weights: Path | None = None,
    *,
    headless: bool = False,
    image_size: int | None = None,
) -> Trained:
    """The network that ``what`` names, in evaluation mode; ``headless`` allows one of features.

    With ``image_size`` it reads images of another size than it was trained at.

    A finished run, one of its finalists (RUN/finalists/2.json), weights that say their network, an
    architecture with ``weights``, or ``ARCHITECTURE=WEIGHTS``.

    The weights say at which geometry and on which images they were trained; where they do not, what
    ``what`` names does, else the geometry is the space's target. ``mean`` and ``std`` (by channel,
    in 0..1) override theirs. Weights for another number of classes are taken as that.

    Raises:
        EvoNasError: there is no such network, or its weights do not fit.
        SettingsError: nothing says how images are normalised.
    """
    named = find_network(what, weights)
    architecture, run = named.architecture, named.run
    file = weights_file(named.weights)
    space: Space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    if run is not None and not file.exists():
        raise CheckpointError(_without_weights(run))
    with _mended_by(run):
        about, tensors = _described(named, file, space), read_state_dict(file)
    if about.genome not in ((), genome):
        raise CheckpointError(f"{file} holds weights of another network than {architecture.name}")
    network = space.build(genome, about.geometry)
    tensors = named_for(network, tensors)
    headless = headless and is_headless(network, tensors)
    if headless:
        as_classifier(network).reset_classifier(0)
    classes = classes_of(network, tensors, about.geometry.classes)
    if classes != about.geometry.classes:
        about = replace(about, geometry=replace(about.geometry, classes=classes), classes=())
        network = space.build(genome, about.geometry)
    check_weights(network, tensors, str(file))
    network.load_state_dict(tensors)
    was_told = bool(about.mean)
    wrong = None if headless else wrong_network(network, about.geometry)
    if wrong:
        raise CheckpointError(f"{file}: the network with these weights cannot be used: {wrong}")
    mean, std = tuple(mean or about.mean), tuple(std or about.std)
    _check_normalised(named, about.geometry, mean, std)
    about = replace(about, space=architecture.space, genome=genome, mean=mean, std=std)
    if named.record is None:
        measured = read_told(file, "measured", dict[str, Any], "{}")
    else:
        measured = json.loads(named.record.read_text(encoding="utf-8")).get("measured")
        measured = measured if isinstance(measured, dict) else {}
    if about.reading == "unknown" and was_told:
        data, _ = images_of(run, file, measured)
        about = replace(about, reading=earlier_reading(about.geometry, data))
    if image_size is not None:
        about = _at_size(network, about, image_size)
    return Trained(architecture.name, network.eval(), about, space, file, run, measured, headless)


def _at_size(network: nn.Module, about: Delivered, image_size: int) -> Delivered:
    """Make a network read images of another size; what is then known of it.

    Raises:
        SettingsError: it cannot.
    """
    whole_number("image_size", image_size, 1)
    geometry, reading = replace(about.geometry, image_size=image_size), about.reading
    if geometry == about.geometry:
        return about
    if callable(own := getattr(network, "set_input_size", None)):
        own(image_size)
    try:
        with torch.no_grad():
            network(torch.zeros(1, geometry.channels, image_size, image_size))
    except Exception as error:  # of networks whose positions are fixed
        raise SettingsError(
            f"the network cannot read images of {image_size} pixels: {describe(error)}"
        ) from error
    if isinstance(reading, Format):
        size = max(1, round(reading.size * image_size / about.geometry.image_size))
        reading = replace(reading, size=size)
    return replace(about, geometry=geometry, reading=reading)


def _described(named: Named, file: Path, space: Space) -> Delivered:
    """What the weights say, or else what they were made from; the target of the space at last."""
    about = read_description(file)
    if about is None and named.origin is not None:
        about = _of_origin(named.origin)
    return Delivered("", (), space.target, (), ()) if about is None else about


def _check_normalised(
    named: Named, geometry: Geometry, mean: Sequence[float], std: Sequence[float]
) -> None:
    if not mean or not std:
        raise SettingsError(
            f"{named.weights} does not say how images are normalised; give --mean and --std "
            "(load: mean and std), such as 0.485,0.456,0.406 and 0.229,0.224,0.225 for networks "
            "trained on ImageNet"
        )
    for values in (mean, std):
        if len(values) != geometry.channels:
            raise SettingsError(
                f"{named.architecture.name} reads {geometry.channels} channels, not {len(values)}"
            )


@contextmanager
def _mended_by(run: Path | None) -> Iterator[None]:
    """Say how the weights that a run delivered are had again."""
    try:
        yield
    except CheckpointError as error:
        if run is None or not (run / CONFIG).is_file():
            raise
        raise CheckpointError(
            f"{error}, or delete what is there and write it anew: evo-nas resume {shell_word(run)}"
        ) from error


def _without_weights(run: Path) -> str:
    """Why a run has no weights of its best network, and how they are had."""
    best = load_result(run).best
    if best is not None and "geometry" not in best["measured"]:
        by = registry.short(str(best["measured"].get("by")))
        return (
            f"{run} trained no network, {by} measured it; evo-nas train {shell_word(run)} trains "
            "the best"
        )
    return f"{run} has no {WEIGHTS}; evo-nas resume {shell_word(run)} writes it anew"


def _of_origin(origin: Path) -> Delivered | None:
    """What a run, a model folder, weights or an architecture file say of other weights of it."""
    about: Delivered | None = None
    is_run = (origin / CONFIG).is_file()
    file = origin / WEIGHTS if is_run else origin / MODEL if origin.is_dir() else origin
    if file.is_file():
        about = read_description(file)
    if about is None and is_run:
        about = _of_run(origin)
    record = origin / ARCHITECTURE if origin.is_dir() else origin
    if about is None and record.suffix == ".json" and record.is_file():
        about = _of_record(record)
    return None if about is None else replace(about, genome=())


def _of_run(folder: Path) -> Delivered:
    """What a run knows of its network whose weights do not say it."""
    result = load_result(folder)
    if result.best is None or "geometry" not in result.best["measured"]:
        raise CheckpointError(f"{folder} has no trained network")
    table, place = result.best["measured"]["geometry"], f"{folder / BEST}, measured.geometry"
    geometry = typed(Geometry, table, place, CheckpointError)
    source: DataSource = registry.load("data", result.config.data)
    data = source.load(result.config.seed)
    if result.facts["data"] != data.fingerprint:
        raise CheckpointError(
            f"the images of {result.config.data!r} are not those that {folder} was trained on, so "
            "nothing tells how its network reads images; bring the old ones back"
        )
    return Delivered("", (), geometry, data.mean, data.std, tuple(data.classes), data.reading)


def _of_record(path: Path) -> Delivered | None:
    """What an architecture file says of the network that was trained, if it was."""
    content = read_json(path, CheckpointError)
    if told := content.get("trained"):
        return typed(Delivered, {"space": "", "genome": (), **told}, path, CheckpointError)
    geometry = content.get("measured", {}).get("geometry")
    if geometry is None:
        return None
    place = f"{path}, measured.geometry"
    return Delivered("", (), typed(Geometry, geometry, place, CheckpointError), (), ())
