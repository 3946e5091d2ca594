"""What runs of a comparison came to: one outcome each, rows over all seeds, differences of rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from evo_nas.results.statistics import Estimate

from .curves import Curve
from .file import REFERENCE
from .pairs import mean_difference

_OF_NETWORKS = ("params", "validation", "images_trained", "target", "geometry")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. ``accuracy`` is what the comparison is about, see :attr:`Report.measure`.

    ``cost`` is in forward passes of one image, or in evaluations where none are seen. ``curve``
    holds what had been spent, and the best found until then. What follows tells of the network: its
    best objective by the retrainer, the images that the run trained on, and the sizes at which it
    was counted and trained.
    """

    protocol: str
    strategy: str
    seed: int
    folder: str
    flops: int
    accuracy: float
    cost: int
    seconds: float
    curve: Curve
    params: int
    validation: float
    images_trained: int
    target: Mapping[str, int]
    geometry: Mapping[str, int]

    def told(self, *, networks: bool) -> dict[str, Any]:
        """It as a table; with what tells of its network, or without."""
        return {k: v for k, v in asdict(self).items() if networks or k not in _OF_NETWORKS}


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy under a protocol, or a reference, over all seeds."""

    protocol: str
    strategy: str
    outcomes: tuple[Outcome, ...]
    maximise: bool

    @property
    def accuracies(self) -> list[float]:
        """One for each seed."""
        return [outcome.accuracy for outcome in self.outcomes]

    @property
    def deviation(self) -> float:
        """The standard deviation over seeds; not a number where there is only one."""
        return statistics.stdev(self.accuracies) if len(self.outcomes) > 1 else math.nan

    @property
    def best(self) -> float:
        """The best accuracy."""
        return (max if self.maximise else min)(self.accuracies)

    @property
    def spread(self) -> str:
        """The mean accuracy, and its deviation if there is one, as tables write it."""
        deviation = "" if math.isnan(self.deviation) else f" ± {self.deviation:.4f}"
        return f"{self.mean('accuracy'):.4f}{deviation}"

    def mean(self, name: str) -> float:
        """The mean of a field of the outcomes."""
        return statistics.fmean(getattr(outcome, name) for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean accuracy of ``first`` minus that of ``second``, seed by seed."""

    protocol: str
    first: str
    second: str
    estimate: Estimate

    def verdict(self, seeds: int) -> str:
        """What can be said of it, in plain words."""
        if self.estimate.excludes_zero:
            return "significant"
        if not self.estimate.enough:
            return f"{seeds} seeds are too few to be certain of any difference"
        return f"not significant with {seeds} seeds"


def differences(rows: Sequence[Row]) -> Iterator[Difference]:
    """Of each strategy and those after it under a protocol, then of each and each reference."""
    searches = [row for row in rows if row.protocol != REFERENCE]
    pairs = [each for each in combinations(searches, 2) if each[0].protocol == each[1].protocol]
    beside = (row for row in rows if row.protocol == REFERENCE)
    for first, second in [*pairs, *((row, other) for other in beside for row in searches)]:
        if len(first.outcomes) > 1:
            estimate = mean_difference(first.accuracies, second.accuracies)
            yield Difference(first.protocol, first.strategy, second.strategy, estimate)
