"""The architecture files that a run writes: best.json and those of its finalists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from evo_nas.core.files import write_atomically
from evo_nas.sampling.checks import Checks, Limits
from evo_nas.space.architecture import sealed
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Strategy

from .config import Config
from .limit_facts import measured_under


class ArchitectureFiles:
    """Writes the architectures of one run: choices, costs, and what was measured of each."""

    def __init__(self, config: Config, space: Space, strategy: Strategy, limits: Limits) -> None:
        self.config, self.space, self.strategy, self.limits = config, space, strategy, limits

    def write(self, path: Path, genome: Genome, measured: Mapping[str, object]) -> None:
        """Write a genome of the space to ``path``, with what was ``measured`` of its network."""
        architecture = {
            "format": 1,
            "space": self.config.space,
            "genome": list(genome),
            "choices": self.space.options(genome),
            "target": {"geometry": asdict(self.space.target), **self.space.costs(genome)},
            "measured": measured,
            "run": {"budget": self.config.flops, "seed": self.config.seed},
            **self._limited(genome),
        }
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, (json.dumps(sealed(architecture), indent=2) + "\n").encode())

    def _limited(self, genome: Genome) -> dict[str, Mapping[str, object]]:
        """Values of limited metrics, and under what these and the run's scores were measured."""
        checks = Checks(self.space, self.limits.costs, self.limits.bounds)
        told: dict[str, Mapping[str, object]] = {
            "limits": checks.values(genome) if self.config.limits else {},
            "measured_under": self._measured_under,
        }
        return {name: values for name, values in told.items() if values}

    @cached_property
    def _measured_under(self) -> dict[str, str]:
        config = self.config
        scored = any(stage.scored for stage in self.strategy.plan(self.space, config.settings))
        evaluators = [config.evaluator] * scored + [config.retrainer]
        return measured_under(self.limits, evaluators, config.device)
