"""What tests of the shipped spaces share."""

from __future__ import annotations

import importlib
import itertools
import json
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.space.subspace import Subspace

# Figures measured apart from this project, and published data; it never depends on them.
SHARED = Path(__file__).resolve().parents[3] / "shared"


def shared_file(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name}, measured or published elsewhere, is not here")
    return path


def reference_costs() -> dict[str, Any]:
    costs: dict[str, Any] = json.loads(shared_file("reference/glit_deit_costs.json").read_text())
    return costs


def space(spec: str = "glit_hl") -> Any:
    return registry.load("space", spec)


def module(name: str) -> Any:
    """A module of the folder spaces, under the name that it is installed as."""
    return importlib.import_module(f"evo_nas.spaces.{name}")


def small(glit: Space, classes: int = 10) -> Geometry:
    """17 tokens: a geometry on which a path takes milliseconds."""
    return glit.proxy(8, 1, classes)


def narrow(mobile: Space) -> Space:
    """A part of the space of mobile networks, so that shared weights are quickly made."""
    fixed = {c.name: c.options[1] for c in mobile.choices if c.name.endswith("expansion")}
    return Subspace(mobile, fixed)


def draw(searched: Space, seed: int) -> Genome:
    """Some canonical genome."""
    source = random.Random(seed)
    return searched.canonical([source.randrange(len(c.options)) for c in searched.choices])


def uniform(glit: Space, **options: Any) -> Genome:
    """The same options in every block."""
    named = {f"{slot}.{name}": value for slot in glit.slots for name, value in options.items()}
    return glit.encode(named)


GLIT_TOML = """
family = "glit"
depth = 4
[target]
width = 96
heads = 3
image_size = 64
classes = 10
[options]
d_k = [1]
d_z = [2, 2.5]
expansion = [1, 2]
kernel = [3, 9]
[block01]
heads = [3]
d_z = [4]
[block02]
heads = [0, 1]
kernel = [5]
"""

AUTOFORMER_TOML = """
family = "autoformer"
widths = [96, 128]
depths = [2, 4]
[target]
image_size = 64
classes = 10
[options]
heads = [1, 2]
mlp_ratio = [1.5, 3]
"""


class Convolutional(nn.Sequential):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(
            nn.Conv2d(channels, 8, 3, stride=4), nn.BatchNorm2d(8), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes),
        )  # fmt: skip


def put_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something in timm's place, with one small network."""
    timm = ModuleType("timm")
    timm.is_model = lambda name: name == "small"
    timm.create_model = lambda name, num_classes, in_chans: Convolutional(in_chans, num_classes)
    monkeypatch.setitem(sys.modules, "timm", timm)


MACRO_STAGES = ((0, 2), (2, 5), (5, 8))


def made_up_macro(path: Path, **changes: Any) -> Path:
    """A table as the published one: costs add up, identical networks have the same figures."""
    table = {}
    for genome in itertools.product(range(3), repeat=8):
        firsts = sum(genome[first] * 10**first for first, _ in MACRO_STAGES)
        others = [sorted(genome[first + 1 : end]) for first, end in MACRO_STAGES]
        flops = 1000 + firsts + sum(map(sum, others))
        order = [[g for g in genome[first + 1 : end] if g] for first, end in MACRO_STAGES]
        score = 50 + sum(5 * len(kept) + sum(kept[:1]) for kept in order) + genome[0]
        table["".join(map(str, genome))] = {
            "test_acc": [score, score + 1, score + 5], "mean_acc": score + 2, "std": 2.16,
            "params": 2 * flops, "flops": flops,
        }  # fmt: skip
    table.update(changes.get("rows", {}))
    for name in changes.get("without", ()):
        del table[name]
    path.write_text(json.dumps(table))
    return path
