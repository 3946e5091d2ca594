"""What tests of the shipped spaces share."""

from __future__ import annotations

import importlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from evo_nas.core.plugins import registry
from evo_nas.space.space import Genome, Geometry, Space

# Figures measured apart from this project, and published data; it never depends on them.
SHARED = Path(__file__).resolve().parents[3] / "shared"
REFERENCE = SHARED / "reference"


def reference_file(name: str) -> Path:
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"the reference figures {name} are not here")
    return path


def data_file(name: str) -> Path:
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"the published data {name} are not here")
    return path


def reference_costs() -> dict[str, Any]:
    costs: dict[str, Any] = json.loads(reference_file("glit_deit_costs.json").read_text())
    return costs


def space(spec: str = "glit_hl") -> Any:
    return registry.load("space", spec)


def module(name: str) -> Any:
    """A module of the folder spaces, under the name that it is installed as."""
    return importlib.import_module(f"evo_nas.spaces.{name}")


def small(glit: Space, classes: int = 10) -> Geometry:
    """17 tokens: a geometry on which a path takes milliseconds."""
    return glit.proxy(8, 1, classes)


def draw(searched: Space, seed: int) -> Genome:
    """Some canonical genome."""
    source = random.Random(seed)
    return searched.canonical([source.randrange(len(c.options)) for c in searched.choices])


def uniform(glit: Space, **options: Any) -> Genome:
    """The same options in every block."""
    named = {f"{slot}.{name}": value for slot in glit.slots for name, value in options.items()}
    return glit.encode(named)
