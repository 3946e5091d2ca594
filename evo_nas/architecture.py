"""Architectures outside of a run: published ones by name, and architecture files (best.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import SpecError
from .space import Genome

BEST = "best.json"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A genome of the space that the spec ``space`` names."""

    name: str
    space: str
    genome: Genome


def read_architecture(path: Path) -> Architecture:
    """Read an architecture file: a JSON object with at least ``space`` and ``genome``.

    Raises:
        SpecError: it is missing, no JSON, or lacks one of the two. The genome is checked against
            the space when it is used.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SpecError(f"{path} is no architecture file: it holds no JSON ({error})") from error
    space = content.get("space") if isinstance(content, dict) else None
    genome = content.get("genome") if isinstance(content, dict) else None
    if not isinstance(space, str):
        raise SpecError(f"{path} is no architecture file: 'space' must be the spec of a space")
    if not isinstance(genome, list) or not all(type(gene) is int for gene in genome):
        raise SpecError(f"{path} is no architecture file: 'genome' must be a list of whole numbers")
    return Architecture(path.stem if path.name != BEST else path.parent.name, space, tuple(genome))
