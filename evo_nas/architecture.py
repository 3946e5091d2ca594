"""Architectures outside of a run: published ones by name, and architecture files (best.json)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import SpecError
from .inputs import is_genome, read_json
from .known_code import check_known
from .space import Genome

BEST = "best.json"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A genome of the space that the spec ``space`` names."""

    name: str
    space: str
    genome: Genome


def read_architecture(path: Path, *, known_code: bool = True) -> Architecture:
    """Read an architecture file: a JSON object with at least ``space`` and ``genome``.

    With ``known_code``, a space that is code must be known here (:mod:`evo_nas.known_code`);
    without it, the caller decides before anything is loaded.

    Raises:
        SpecError: it is missing, no JSON, or lacks one of the two; or the space is unknown code.
            The genome is checked against the space when it is used.
    """
    content = read_json(path, SpecError)
    space = content.get("space") if isinstance(content, dict) else None
    genome = content.get("genome") if isinstance(content, dict) else None
    if not isinstance(space, str):
        raise SpecError(f"{path} is no architecture file: 'space' must be the spec of a space")
    if not isinstance(genome, list) or not is_genome(genome):
        raise SpecError(
            f"{path} is no architecture file: 'genome' must be a list of option numbers"
        )
    if known_code:
        check_known([space], path)
    return Architecture(path.stem if path.name != BEST else path.parent.name, space, tuple(genome))
