"""Taking a trained network away: one file in a format of others, or a folder that tells all of it.

What is written is read back and compared with the network before it gets its name: a file that
computes something else is never there.

Why: docs/decisions/029-checked-exports.md.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from evo_nas.core.files import write_atomically, written_aside
from evo_nas.data.images import prepare
from evo_nas.errors import EvoNasError, ExportError, nearest
from evo_nas.results.hub.front_matter import UNTOLD, Publication
from evo_nas.training.space_files import carry
from evo_nas.training.weights import describe_weights

from . import model_folder
from .earlier import images_of
from .formats import FORMATS, as_metadata, check_onnx, quiet
from .model_folder import facts
from .names import MODEL
from .parity import TOLERANCE, Normalised, Parity, Sample, compare_outputs, sample_pixels
from .trained import Trained

FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: ``path``, and for each file how far it agrees with the network."""

    path: Path
    checks: Mapping[str, Parity]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be written and how it is checked.

    ``data`` is a spec of images for the check, by default those of the network's run; ``images``
    are how many of them, at least 3. With ``normalised``, the file reads uint8 pixels. A folder's
    card tells the ``publication``.
    """

    formats: Sequence[str] = (FOLDER,)
    normalised: bool = False
    data: str | None = None
    images: int = 32
    tolerance: float = TOLERANCE
    publication: Publication = UNTOLD


def export(trained: Trained, wish: Wish, out: Path | None = None) -> Exported:
    """Write the network; ``out`` is by default its name, with the format's suffix.

    Raises:
        ExportError: something given is wrong, the output exists or cannot be written, the network
            cannot be exported, or what was written computes something else.
    """
    _check(wish)
    kind = FOLDER if FOLDER in wish.formats else wish.formats[0]
    path = out or Path(trained.name + ("" if kind == FOLDER else FORMATS[kind].suffix))
    _check_suffix(path, kind)
    if path.exists():
        raise ExportError(f"{path} exists; choose another --out")
    if not path.parent.is_dir():
        raise ExportError(f"there is no folder {path.parent} for {path.name}; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ExportError(f"{path} cannot be written: {path.parent} is read-only")
    data, seed = images_of(trained.run, trained.weights, trained.measured)
    try:
        sample = sample_pixels(wish.data or data, seed, trained.about.geometry, wish.images)
        return (_export_folder if kind == FOLDER else _export_file)(trained, wish, sample, path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error


def _check(wish: Wish) -> None:
    for name in wish.formats:
        if name not in (FOLDER, *FORMATS):
            raise ExportError(f"unknown format {name!r}; {nearest(name, (FOLDER, *FORMATS))}")
    if FOLDER not in wish.formats and len(wish.formats) > 1:
        raise ExportError("several formats go into a folder: add --format folder")
    if wish.images < 3:
        raise ExportError(f"--images {wish.images}: at least 3 are compared, in two batches")
    if not 0 < wish.tolerance < math.inf:
        raise ExportError(f"--tolerance {wish.tolerance}: give a number above 0, such as 1e-4")
    if wish.normalised and not any(FORMATS[f].normalises for f in wish.formats if f in FORMATS):
        raise ExportError(
            "--with-normalisation is for the formats onnx and torch-export; safetensors holds "
            "weights alone"
        )
    if "onnx" in wish.formats:
        check_onnx()


def _check_suffix(path: Path, name: str) -> None:
    """Raise an ExportError if the name of the output says that it is something else."""
    if name == FOLDER:
        others = {kind.suffix: other for other, kind in FORMATS.items()}
        if path.suffix in others:
            raise ExportError(
                f"{path} would be a folder; give it another --out, or --format "
                f"{others[path.suffix]} for a file"
            )
    elif path.suffix != (suffix := FORMATS[name].suffix):
        raise ExportError(
            f"{path} is no name of a file in the format {name}; give --out "
            f"{path.with_name(path.stem + suffix)}"
        )


def _export_file(trained: Trained, wish: Wish, sample: Sample, path: Path) -> Exported:
    """One file, and beside it what it is, in JSON."""
    name = wish.formats[0]
    beside = path.with_name(f"{path.name}.json")
    if beside.exists():
        raise ExportError(f"{beside} exists, which goes with {path.name}; choose another --out")
    parity = _write(trained, wish, sample, name, path)
    about = {**facts(trained), "check": asdict(parity), **_input(wish, name)}
    write_atomically(beside, (json.dumps(about, indent=2) + "\n").encode())
    return Exported(path, {path.name: parity})


def _export_folder(trained: Trained, wish: Wish, sample: Sample, path: Path) -> Exported:
    """Weights, architecture, card and what else was asked for, whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir()
        spec = carry(trained.about.space, trained.space, aside)
        trained = replace(trained, about=replace(trained.about, space=spec))
        checks = {}
        for name in dict.fromkeys(("safetensors", *wish.formats)):
            if name != FOLDER:
                file = Path(MODEL).stem + FORMATS[name].suffix
                checks[file] = _write(trained, wish, sample, name, aside / file)
        model_folder.write(trained, aside, checks, wish.normalised, wish.publication)
        aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Exported(path, checks)


def _write(trained: Trained, wish: Wish, sample: Sample, name: str, path: Path) -> Parity:
    """Write one file and compare it with the network before it gets its name."""
    kind, about = FORMATS[name], trained.about
    network: nn.Module = trained.network
    pixels, source = sample
    if wish.normalised and kind.normalises:
        network = Normalised(network, torch.tensor(about.mean), torch.tensor(about.std)).eval()
        images = pixels
    else:
        images = prepare(pixels, about.mean, about.std, pixels.shape[-1])
    if name == "safetensors":
        metadata = describe_weights(about)
    else:
        metadata = as_metadata({**facts(trained), **_input(wish, name)})
    with written_aside(path) as aside:
        try:
            with quiet():
                kind.write(network, images[:2], aside, metadata)
                again = kind.read(aside, lambda: trained.space.build(about.genome, about.geometry))
                parity = compare_outputs(network, again, images, source, wish.tolerance)
        except (EvoNasError, OSError):
            raise
        except Exception as error:  # exporters fail in many ways
            raise ExportError(
                f"{trained.name} cannot be exported as {name}: {type(error).__name__}: "
                f"{_reason(error)}"
            ) from error
        if not parity.met:
            raise ExportError(
                f"{name} of {trained.name} computes something else, so it is not kept: {parity}"
            )
    return parity


def _reason(error: Exception) -> str:
    """The first line of the error that began it."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return str(error).strip().partition("\n")[0]


def _input(wish: Wish, name: str) -> dict[str, str]:
    """What the file reads, in words."""
    pixels = wish.normalised and FORMATS[name].normalises
    return {"input": model_folder.PIXELS if pixels else model_folder.NORMALISED}
