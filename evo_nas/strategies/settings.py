"""How large a search is: a few numbers, read where nothing heavy is to be imported."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError

_LOWEST = {"samples": 1, "population": 1, "parents": 1, "finalists": 1, "halving": 1}


@dataclass(frozen=True, slots=True)
class Settings:
    """How large a search is; the defaults are SPOS's (Guo et al. 2020, section 4.3; paper 4.1).

    ``samples`` are candidates a stage, ``population`` candidates a generation, of which
    ``crossover`` and ``mutation`` are bred from the best ``parents``; what is missing to
    ``population`` is random. ``finalists`` are retrained at the end of a stage, of
    which one in ``halving`` goes on from each rung of their training.
    """

    samples: int = 1000
    population: int = 50
    parents: int = 10
    crossover: int = 25
    mutation: int = 25
    mutation_rate: float = 0.1
    finalists: int = 5
    halving: int = 1

    def __post_init__(self) -> None:
        for field_ in fields(self):
            value, lowest = getattr(self, field_.name), _LOWEST.get(field_.name, 0)
            if not lowest <= value < math.inf:  # nor is it no number at all
                raise SettingsError(f"{field_.name} is {value}; it must be at least {lowest}")
            if value >= 2**63:
                raise SettingsError(f"{field_.name} is {shown(value)}; it is too large")
        if self.crossover + self.mutation > self.population:
            raise SettingsError(
                f"crossover {self.crossover} and mutation {self.mutation} are more than the "
                f"population of {self.population}"
            )
        if not 0 <= self.mutation_rate <= 1:
            raise SettingsError(f"mutation_rate is {self.mutation_rate}; it is a probability")
