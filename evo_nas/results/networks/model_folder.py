"""A model folder: card, architecture, weights, preprocessing, and the space if it is a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evo_nas.core.plugins import registry
from evo_nas.data.preprocessing import NORMALISATION
from evo_nas.results.hub.front_matter import Publication
from evo_nas.space.architecture import ARCHITECTURE
from evo_nas.space.costs.verification import true_costs

from .card import model_card
from .parity import Parity
from .trained import Trained

_NAMED = ("space", "genome")  # which stand for themselves
PREPROCESSING, CHECKS, CARD = "preprocessing.json", "checks.json", "README.md"
_SPECS = ("by", "data", "teacher")  # of what was measured
NORMALISED = "float32 (batch, channels, size, size): " + NORMALISATION
PIXELS = "uint8 (batch, channels, size, size): pixels from 0 to 255, normalised inside"


def write(
    trained: Trained,
    folder: Path,
    checks: Mapping[str, Parity],
    normalised: bool,
    said: Publication,
) -> None:
    """All but the weights, which are there."""
    # Specs end where paths of this machine would begin.
    named = {key: registry.short(value) for key, value in trained.measured.items() if key in _SPECS}
    measured = {**trained.measured, **named}
    genome = trained.about.genome
    architecture = {
        "format": 1,
        "name": trained.name,
        "space": trained.about.space,
        "genome": list(genome),
        "choices": trained.space.options(genome),
        "target": {"geometry": asdict(trained.space.target), **true_costs(trained.space, genome)},
        "measured": measured,
        "trained": {
            key: value for key, value in asdict(trained.about).items() if key not in _NAMED
        },
    }
    for name, content in (
        (ARCHITECTURE, architecture),
        (PREPROCESSING, facts(trained)["preprocessing"]),
        (CHECKS, {name: asdict(parity) for name, parity in checks.items()}),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(
        model_card(replace(trained, measured=measured), checks, normalised, said), encoding="utf-8"
    )


def facts(trained: Trained) -> dict[str, Any]:
    """What a network is and reads, for programs; of a space that is a file, the name."""
    about = trained.about
    return {
        "name": trained.name,
        "space": registry.short(about.space),
        "genome": list(about.genome),
        "geometry": asdict(about.geometry),
        "preprocessing": {
            **about.preprocessing.facts,
            "input": NORMALISED,
            "classes": list(about.classes),
        },
    }
