"""A score that a few trained networks teach: each option of each choice has its share in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, FiniteFloat

from evo_nas.core.files import write_atomically
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.errors import SettingsError, SpaceError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.space.encoding import Encoding
from evo_nas.space.space import Genome, Space

from .ridge import Ridge, held_out

_FEWEST = 4  # networks, below which nothing can be told of choices


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that was trained, as a full genome of its space, and the metric it has reached."""

    genome: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...]
    reached: FiniteFloat


@dataclass(frozen=True, slots=True)
class Truth:
    """Networks of one space that were trained alike, and what each of them has reached.

    ``space`` is the fingerprint of the root space; more of ``metric`` is better if ``maximise``.
    """

    space: str
    metric: str
    maximise: bool
    networks: Annotated[tuple[Trained, ...], Field(min_length=_FEWEST)]

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomically(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path, space: Space) -> Truth:
        """Read a file that :meth:`save` wrote, for networks of ``space``.

        Raises:
            SettingsError: it cannot be read, or is of another space.
        """
        content = read_json(path, SettingsError)
        if not isinstance(content, dict):
            raise SettingsError(f"{path} tells of no trained networks: it holds no JSON object")
        truth = typed(cls, content, path, SettingsError)
        root = space.root
        if truth.space != root.fingerprint:
            raise SettingsError(f"the networks in {path} are of another space than {root.name}")
        try:
            for network in truth.networks:
                root.check(network.genome)
        except SpaceError as error:
            raise SettingsError(f"{path}: {error}") from error
        return truth


class Taught:
    """Scores genomes of a space by networks of it that were trained; more is better.

    One of those is scored by what the others teach, so that its score may be compared with what it
    has reached.
    """

    def __init__(self, space: Space, truth: Truth) -> None:
        genomes = [network.genome for network in truth.networks]
        goal = Objective(truth.metric, truth.maximise)
        targets = np.array([goal.sign * network.reached for network in truth.networks])
        self._encoding = Encoding(space)
        features = self._encoding.encode(genomes)
        self._ridge = Ridge(features, targets)
        known = map(float, held_out(features, targets))
        self._held_out: dict[Genome, float] = dict(zip(genomes, known, strict=True))

    def score(self, genome: Genome) -> float:
        """What the network of a full genome is predicted to reach."""
        if genome in self._held_out:
            return self._held_out[genome]
        found = self._ridge.deviation(self._encoding.encode([genome]))
        return self._ridge.mean + float(found[0])
