"""Trained networks by name: of a finished run, a model folder or weights of evo-nas, or of timm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from torch import nn

from evo_nas.core.paths import absolute
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.digests import told_parts
from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import RecipeError
from evo_nas.space.architecture import ARCHITECTURE
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Geometry, Space
from evo_nas.training.batches import seeded_weights
from evo_nas.training.space_files import located
from evo_nas.training.weight_names import check_weights
from evo_nas.training.weights import (
    read_description,
    read_state_dict,
    state_digest,
    weights_file,
)

from .timm_models import TIMM, timm_model


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A trained network on the CPU, in evaluation mode, and how its images were prepared.

    ``classes`` are the names of its logits, none if they are unknown. The ``digest`` is of weights,
    preparation, names and code: it tells the network from all others, wherever it lies.
    """

    network: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    digest: str

    @classmethod
    def of(
        cls,
        network: nn.Module,
        preprocessing: Preprocessing,
        classes: tuple[str, ...],
        told: Mapping[str, str],
    ) -> Self:
        """That of a network, of which ``told`` says what its weights do not.

        Raises:
            RecipeError: it does not tell so many classes apart as it names, or fails.
        """
        seen = preprocessing
        geometry = Geometry(seen.image_size, seen.channels, len(classes) or 1)
        if classes and (wrong := wrong_network(network, geometry)):
            raise RecipeError(f"the network of a teacher cannot be used: {wrong}")
        prepared = [seen.image_size, seen.channels, *seen.mean, *seen.std]
        about = {**told, "images": json.dumps(prepared), "classes": json.dumps(classes)}
        weights = {name: tensor.detach() for name, tensor in network.state_dict().items()}
        digest = state_digest(weights, about)
        return cls(network.eval().requires_grad_(False), preprocessing, classes, digest)


def load_pretrained(what: str) -> Pretrained:
    """The network that ``what`` names: the folder of a run, a model folder, weights, ``timm:NAME``.

    Raises:
        RecipeError: there is no such network, or not all is known of it that a teacher must tell.
        EvoNasError: it is damaged, or code that nobody here has named.
    """
    if what.startswith(TIMM):
        with seeded_weights(0):
            return Pretrained.of(*timm_model(what.removeprefix(TIMM)), {"timm": what})
    path = Path(what)
    if not path.exists():
        raise RecipeError(
            f"teacher {what!r} is not there; name the folder of a finished run, a model folder, "
            f"weights that evo-nas train saved, or {TIMM}NAME for a pretrained network of timm"
        )
    file = weights_file(path)
    about = None if file.suffix == ".json" else read_description(file)
    if about is None:
        raise RecipeError(
            f"teacher {what!r} does not say of which network it is and how it reads images; write "
            "a model folder of it with evo-nas export, and name that"
        )
    carrying = (file.parent / ARCHITECTURE).is_file()
    spec = located(about.space, file.parent) if carrying else about.space
    check_known([spec], file)
    space: Space = registry.load("space", spec)
    genome = space.check(about.genome)
    with seeded_weights(0):
        network = space.build(genome, about.geometry)
    weights = read_state_dict(file)
    check_weights(network, weights, str(file))
    network.load_state_dict(weights)
    told = {
        "network": f"{registry.short(spec)} {about.geometry}: {' '.join(map(str, genome))}",
        "code": _digest_of_code(spec),
    }
    return Pretrained.of(network, about.preprocessing, about.classes, told)


def whole_name(what: str) -> str:
    """The name of a teacher as it is understood in any folder."""
    if not what.startswith(TIMM):
        return str(absolute(what))
    before, local, folder = what.partition("local-dir:")
    return f"{before}{local}{absolute(folder)}" if local else what


def _digest_of_code(spec: str) -> str:
    """What tells the code of a space that is not ours from others; "" for ours."""
    parts = told_parts("space", spec)
    return sha256("\n".join(parts).encode()).hexdigest() if parts else ""
