"""Architecture files: finding one by name, file or run; best.json and those of finalists.

What is read back from best.json has every value checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, FiniteFloat

from evo_nas.core.files import write_atomically
from evo_nas.core.paths import expanded
from evo_nas.core.plugins import registry
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.errors import EvoNasError, RunError, SpecError, nearest, shell_word
from evo_nas.sampling.checks import Limits
from evo_nas.space.architecture import BEST, Architecture, check_seal, read_architecture, sealed
from evo_nas.space.space import Costs, Genome, Space
from evo_nas.strategies.base import BY_SCORE, Scored, Strategy

from .config import Config
from .limits import measured_under
from .run_folder import CONFIG, WEIGHTS


def find_architecture(what: str) -> Architecture:
    """The architecture that ``what`` names."""
    path = expanded(what)
    if os.path.isdir(path):  # never raises, as of a name that is too long
        if not (path / BEST).is_file():
            raise SpecError(_without_best(path))
        return read_architecture(path / BEST)
    if os.path.isfile(path):
        return read_architecture(path)
    if path.name == BEST and os.path.isfile(path.parent / CONFIG):
        raise SpecError(_without_best(path.parent))
    if path.suffix == ".json":
        raise SpecError(f"there is no architecture file {what!r}")
    names = registry.names("network")
    if what not in names and ":" not in what:
        raise SpecError(
            f"{what!r} is no architecture file, no run folder and no published network; "
            f"{nearest(what, names)}"
        )
    architecture: Architecture = registry.load("network", what)
    return architecture


def _without_best(folder: Path) -> str:
    if (folder / CONFIG).is_file():
        return (
            f"{folder} has no {BEST}: the run is not finished; evo-nas resume {shell_word(folder)}"
        )
    return f"{folder} is no run folder: it has neither {BEST} nor {CONFIG}"


def published_networks() -> Mapping[str, Architecture]:
    """All published networks that can be loaded, by name; a broken plug-in is left out."""
    found = {}
    for name in registry.names("network"):
        try:
            found[name] = registry.load("network", name)
        except EvoNasError:
            continue
    return found


_Cost = Annotated[int, Field(ge=0, lt=2**63)]
_Costs = dict[str, _Cost]
_Genome = list[Annotated[int, Field(ge=0, lt=2**31)]]


class _Target(BaseModel):
    flops: _Cost
    params: _Cost


class _Rung(BaseModel):
    epochs: _Cost
    trained: _Cost
    failed: _Cost
    went_on: list[_Genome]


class _Measured(BaseModel, extra="allow"):
    __pydantic_extra__: dict[str, FiniteFloat]
    by: str
    data: str
    fingerprint: str = ""
    geometry: _Costs = {}
    delivered: _Costs = {}  # what the network of the weights costs
    test_failure: str = ""
    teacher: str = ""
    teacher_digest: str = ""
    distillation: str = ""
    separated_from_second: bool = False
    rungs: list[_Rung] = []


class _Best(BaseModel):
    space: str
    genome: _Genome
    choices: dict[str, str | bool | FiniteFloat | None]
    target: _Target
    measured: _Measured
    limits: dict[str, FiniteFloat] = {}
    measured_under: dict[str, str] = {}


def read_best(path: Path) -> dict[str, Any] | None:
    """The content of best.json; None if there is no such file."""
    if not path.exists():
        return None
    best: dict[str, Any] = read_json(path, RunError)
    if not isinstance(best, dict):
        raise RunError(f"{path} is no architecture file: it holds no JSON object")
    typed(_Best, best, path, RunError, extra=None)
    check_seal(best, path, RunError)
    return best


def is_whole(folder: Path) -> bool:
    """Whether a run has come to its end, and all that it delivered is there."""
    best = read_best(folder / BEST)
    weights = folder / WEIGHTS
    if best is None or "test_failure" in best["measured"]:  # perhaps it can be measured now
        return False
    return "test_accuracy" not in best["measured"] or weights.exists()


class ArchitectureFiles:
    """Writes the architectures of one run: choices, costs, and what was measured of each."""

    def __init__(self, config: Config, space: Space, strategy: Strategy, limits: Limits) -> None:
        self.config, self.space, self.strategy, self.limits = config, space, strategy, limits

    def write(
        self, path: Path, finalist: Scored, costs: Costs, measured: Mapping[str, object]
    ) -> None:
        """Write a finalist (a full genome) to ``path``, with how it was chosen, if not by its
        score, what its network costs, and what was ``measured``.
        """
        genome = finalist.genome
        chosen = {} if finalist.origin == BY_SCORE else {"chosen_by": finalist.origin}
        architecture = {
            "format": 1,
            "space": self.config.space,
            "genome": list(genome),
            "choices": self.space.options(genome),
            "target": {"geometry": asdict(self.space.target), **costs},
            "measured": measured,
            "run": {"budget": self.config.flops, "seed": self.config.seed, **chosen},
            **self._limited(genome, costs),
        }
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, (json.dumps(sealed(architecture), indent=2) + "\n").encode())

    def _limited(self, genome: Genome, costs: Costs) -> dict[str, Mapping[str, object]]:
        """Values of limited metrics, and under what these and the run's scores were measured."""
        config = self.config
        values = self.limits.values(self.space, genome) if config.limits else {}
        values |= {limit: costs[limit.metric] for limit in values if limit in self.limits.costs}
        scored = any(stage.scored for stage in self.strategy.plan(self.space, config.settings))
        evaluators = [config.evaluator] * scored + [config.retrainer]
        told: dict[str, Mapping[str, object]] = {
            "limits": {str(limit): value for limit, value in values.items()},
            "measured_under": measured_under(self.limits, evaluators, config.device),
        }
        return {name: values for name, values in told.items() if values}
