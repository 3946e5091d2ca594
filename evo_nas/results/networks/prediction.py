"""What a trained network makes of pictures: ``evo_nas.predict("RUN", ["photo.jpg", "more/"])``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from evo_nas.core.devices import resolve_device
from evo_nas.core.paths import expanded
from evo_nas.core.plugins.trusted_code import trusting
from evo_nas.core.progress import Progress, Silent
from evo_nas.data.folders.files import find_pictures
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import DataError
from evo_nas.results.hub.address import located
from evo_nas.search.given.values import whole_number
from evo_nas.training.batches import classify

from .trained import Trained, load_trained

if TYPE_CHECKING:
    from evo_nas.data.preprocessing import Picture

TOP, BATCH = 3, 64


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a network takes one picture for.

    ``picture`` is its path, or "picture 3" of one that has none. ``classes`` are names with
    probabilities, the most probable first; a class without a name has its number. Of a picture that
    cannot be read there are none, and ``failure`` says why.
    """

    picture: str
    classes: tuple[tuple[str, float], ...] = ()
    failure: str | None = None


def predict(
    what: str | Path,
    pictures: Picture | Iterable[Picture],
    *,
    top: int = TOP,
    device: str = "auto",
    batch_size: int = BATCH,
    trust_code: bool = False,
) -> list[Prediction]:
    """The classes of pictures by a trained network, which reads them as in training.

    Args:
        what: as for :func:`evo_nas.load`.
        pictures: paths of files, folders (all pictures in them, at any depth) and patterns as
            "shots/*.jpg", the bytes of files, or Pillow's pictures.
        top: the number of classes that are told of each.
        device: as of a run.
        batch_size: pictures that go through the network at once.
        trust_code: as for :func:`evo_nas.load`.

    Raises:
        EvoNasError: there is no such network, a folder has no pictures, or a pattern fits nothing.
            A single picture that cannot be read is no error: its prediction says so.
    """
    with trusting(trust_code):
        trained = load_trained(str(located(what)))
    found = named_pictures(pictures)
    return list(predictions(trained, found, top=top, device=device, batch_size=batch_size))


def named_pictures(pictures: Picture | Iterable[Picture]) -> list[Picture]:
    """The pictures that are meant, those of folders and patterns one by one."""
    if isinstance(pictures, str | bytes | PathLike) or hasattr(pictures, "getexif"):
        pictures = [cast("Picture", pictures)]
    found: list[Picture] = []
    for picture in pictures:
        if isinstance(picture, str | PathLike):
            found += find_pictures([str(expanded(fspath(picture)))])
        else:
            found.append(picture)
    return found


def predictions(
    trained: Trained,
    pictures: Sequence[Picture],
    *,
    top: int = TOP,
    device: str = "auto",
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """One prediction for each picture, in their order; see :func:`predict`."""
    top, batch_size = whole_number("top", top, 1), whole_number("batch_size", batch_size, 1)
    preprocessing, progress = trained.about.preprocessing, progress or Silent()
    preprocessing.check()
    network = trained.network.to(place := resolve_device(device))
    names = trained.about.classes or tuple(map(str, range(trained.about.geometry.classes)))
    progress.start("classifying", len(pictures), "pictures")
    for first in range(0, len(pictures), batch_size):
        asked = pictures[first : first + batch_size]
        read = [_read(preprocessing, picture) for picture in asked]
        images = [each for each in read if isinstance(each, Tensor)]
        rows = iter(_probabilities(network, images, place))
        for number, (picture, images_or_why) in enumerate(zip(asked, read, strict=True), first + 1):
            name = _name(picture, number)
            if isinstance(images_or_why, str):
                yield Prediction(name, failure=images_or_why)
            else:
                yield _of(name, next(rows), names, top)
        progress.advance(first + len(asked))


def _read(preprocessing: Preprocessing, picture: Picture) -> Tensor | str:
    """What the network reads of a picture, float32 (1, channels, size, size), or why it cannot."""
    try:
        return preprocessing.apply(picture)
    except DataError as error:
        return str(error)


def _probabilities(network: nn.Module, images: Sequence[Tensor], device: str) -> Tensor:
    """Of each image and class, float32 (n, classes) on the CPU."""
    if not images:
        return torch.empty(0)
    with torch.inference_mode():
        logits, _ = classify(network, torch.cat(list(images)).to(device), len(images))
    return logits.softmax(1).cpu()


def _of(name: str, probabilities: Tensor, classes: Sequence[str], top: int) -> Prediction:
    best = probabilities.topk(min(top, len(classes)))
    if not math.isfinite(float(best.values[0])):
        return Prediction(name, failure=f"the network gives no finite number for picture {name}")
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return Prediction(name, tuple((classes[index], value) for index, value in pairs))


def _name(picture: Picture, number: int) -> str:
    if isinstance(picture, str | PathLike):
        return fspath(picture)
    return getattr(picture, "filename", "") or f"picture {number}"
