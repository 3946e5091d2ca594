"""Spaces of known results: costs and metrics of each genome, without networks."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from evo_nas.errors import SpaceError
from evo_nas.space.space import Choice, Costs, Genome, Geometry, Space

from .file import Floats, Integers


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of all genomes: ``truth`` (genomes,), and its ``repeats`` (genomes, repeats).

    ``error`` (genomes,) is the standard error of the truth where that is the mean of repeats.
    """

    truth: Floats
    repeats: Floats
    error: Floats | None = None

    @classmethod
    def mean(cls, repeats: Floats) -> Metric:
        """The truth is the mean over repeats, as far as they go."""
        count = repeats.shape[1]
        error = repeats.std(axis=1, ddof=1) / math.sqrt(count) if count > 1 else None
        return cls(repeats.mean(axis=1), repeats, error)

    def take(self, rows: Integers) -> Metric:
        """The metric of these rows, in this order."""
        error = None if self.error is None else self.error[rows]
        return Metric(self.truth[rows], self.repeats[rows], error)


class Tabulated(Space):
    """A space whose genomes are all in a table; arrays run over genomes in their order.

    Where the costs of options add up, each choice is a slot with costs of its own, so that budgets
    of any such space are exact. The target is the geometry of the networks in the table, all zeros
    where it is not known.
    """

    target = Geometry(0, 0, 0)
    target_sizes = ()

    def _tabulate(
        self,
        choices: Sequence[Choice],
        costs: Mapping[str, Integers],
        metrics: Mapping[str, Metric],
    ) -> None:
        """Set the space up from a table; ``choices`` are always active, each in its own slot."""
        self.choices = tuple(choices)
        sizes = [len(choice.options) for choice in choices]
        self._strides = tuple(math.prod(sizes[i + 1 :]) for i in range(len(sizes)))
        self._costs = {name: values.tolist() for name, values in costs.items()}
        self._repeats = {name: metric.repeats.tolist() for name, metric in metrics.items()}
        self._truth = {name: metric.truth.tolist() for name, metric in metrics.items()}
        if (error := metrics["accuracy"].error) is not None:
            self._truth["standard_error"] = error.tolist()
        parts = {name: self._parts(values, sizes) for name, values in costs.items()}
        rests = {n: sum(int(part[0]) for part in own or ()) for n, own in parts.items()}
        self._fixed = {name: column[0] - rests[name] for name, column in self._costs.items()}
        self._slot_costs: dict[str, Mapping[Genome, Costs] | None] = {}
        for position, choice in enumerate(choices):
            columns = {name: own[position].tolist() for name, own in parts.items() if own}
            values = range(sizes[position])
            table: dict[Genome, Costs]
            table = {(i,): {name: column[i] for name, column in columns.items()} for i in values}
            self._slot_costs[str(choice.slot)] = table if len(columns) == len(parts) else None

    def _parts(self, values: Integers, sizes: Sequence[int]) -> list[Integers] | None:
        """The costs of options beyond the cheapest one's; None if costs do not add up."""
        numbers, total, parts = np.arange(len(values)), np.full_like(values, values[0]), []
        for stride, size in zip(self._strides, sizes, strict=True):
            own = values[np.arange(size) * stride]
            parts.append(own - own.min())
            total += parts[-1][numbers // stride % size] - parts[-1][0]
        return parts if np.array_equal(total, values) else None

    def number(self, genome: Sequence[int]) -> int:
        """The row of a genome in the arrays."""
        return sum(map(operator.mul, genome, self._strides))

    @property
    def counted(self) -> str:
        return "by the table"

    def costs(self, genome: Sequence[int]) -> Costs:
        row = self.number(genome)
        return {name: values[row] for name, values in self._costs.items()}

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        """The costs of a choice's options beyond the cheapest; None if they do not add up."""
        return self._slot_costs[slot]

    def fixed_costs(self, context: Genome) -> Costs:
        """The costs of the cheapest options together, if costs add up."""
        return self._fixed

    def metrics(self, genome: Sequence[int], repeat: int | None = None) -> Mapping[str, float]:
        """The truth with its standard error; or one repeat, without."""
        row = self.number(genome)
        if repeat is None:
            return {name: values[row] for name, values in self._truth.items()}
        repeats = len(self._repeats["accuracy"][row])
        if not 0 <= repeat < repeats:
            raise SpaceError(
                f"{self.name} has no repeat {repeat} of the accuracy: there are {repeats}, "
                "the first is 0"
            )
        # A further metric may have been measured less often.
        return {n: v[row][repeat] for n, v in self._repeats.items() if repeat < len(v[row])}

    def _no_networks(self, *_: Any, **__: Any) -> NoReturn:
        raise SpaceError(
            f"space {self.name} is a table of results and has no networks; use --evaluator "
            "table, or one that needs no images (needs_data = False) with --retrainer table"
        )

    build = supernet = proxy = _no_networks
