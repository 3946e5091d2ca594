"""Architectures outside of a run: published ones by name, and architecture files (best.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.validation import read_json
from evo_nas.errors import EvoNasError, SpecError

from .space import Genome

BEST, ARCHITECTURE = "best.json", "architecture.json"  # of a run, of a model folder
_SEAL = "sha256"  # the key of the digest of all other keys


@dataclass(frozen=True, slots=True)
class Architecture:
    """A genome of the space that the spec ``space`` names."""

    name: str
    space: str
    genome: Genome


def read_architecture(path: Path, *, known_code: bool = True) -> Architecture:
    """Read an architecture file: a JSON object with at least ``space`` and ``genome``.

    With ``known_code``, a space that is code must be known here
    (:mod:`evo_nas.core.plugins.trusted_code`); without it, the caller decides before anything is
    loaded.

    Raises:
        SpecError: it is missing, no JSON, or lacks one of the two; or the space is unknown code.
            The genome is checked against the space when it is used. Or it is not what was written.
    """
    content = read_json(path, SpecError)
    content = content if isinstance(content, dict) else {}
    space, genome = content.get("space"), content.get("genome")
    if not isinstance(space, str):
        raise SpecError(f"{path} is no architecture file: 'space' must be the spec of a space")
    fits = isinstance(genome, list) and all(type(g) is int and 0 <= g < 2**31 for g in genome)
    if not isinstance(genome, list) or not fits:
        raise SpecError(
            f"{path} is no architecture file: 'genome' must be a list of option numbers"
        )
    check_seal(content, path, SpecError)
    if known_code:
        check_known([space], path)
    return Architecture(path.stem if path.name != BEST else path.parent.name, space, tuple(genome))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of an architecture file, with its digest."""
    return {**content, _SEAL: _digest(content)}


def check_seal(content: Mapping[str, Any], path: Path, refusal: type[EvoNasError]) -> None:
    """Raise ``refusal`` if an architecture file's digest is not that of its content."""
    rest = {key: value for key, value in content.items() if key != _SEAL}
    if _SEAL in content and content[_SEAL] != _digest(rest):
        raise refusal(
            f"{path} is not what was written: damaged or edited. In a run folder, delete it and "
            f"resume the run, which writes it anew; where an edit was meant, delete its {_SEAL!r}"
        )


def _digest(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
