"""How well scores order networks: by another evaluator's order, and by the scores themselves.

Agreements run over the same networks in the same order; more is better in every argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Annotated

import numpy as np
from pydantic import Field

from evo_nas.search.store.store import Evaluation
from evo_nas.space.space import Genome, Space

from .statistics import Estimate, Values, bootstrap, kendall, spearman

_FEWEST = 10  # halves that say how reliable scores are


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the ranking by ``name`` agrees with the truth.

    ``ahead`` is how much higher tau is for the score under test, for rankings that cost nothing.
    Files name the correlations in full.
    """

    name: str
    tau: Annotated[Estimate, Field(alias="kendall")]
    rho: Annotated[Estimate, Field(alias="spearman")]
    ahead: Annotated[Estimate | None, Field(alias="score_minus_this")] = None


@dataclass(frozen=True, slots=True)
class RepeatNoise:
    """What training again changes.

    ``deviation`` is the standard deviation of one repeat about its network's mean, ``tau`` the mean
    agreement of two repeats. ``ceiling`` is about the tau that a score without any error would
    reach against the mean of these repeats.
    """

    deviation: float
    tau: float
    ceiling: float


def agreement(name: str, score: Sequence[float], truth: Sequence[float]) -> Agreement:
    """The agreement of a score under test."""
    return Agreement(name, bootstrap(kendall, score, truth), bootstrap(spearman, score, truth))


def baseline(
    name: str, counts: Sequence[float], score: Sequence[float], truth: Sequence[float]
) -> Agreement | None:
    """The agreement of a ranking that costs nothing; None where all networks count the same.

    Nobody knows beforehand whether more is better, so the direction that agrees better is taken.
    That flatters it.
    """
    if len(set(counts)) == 1:
        return None
    name, values = directed(name, counts, truth)
    found = agreement(name, values, truth)
    ahead = bootstrap(lambda a, b, c: kendall(a, c) - kendall(b, c), score, values, truth)
    return replace(found, ahead=ahead)


def directed(
    name: str, counts: Sequence[float], truth: Sequence[float]
) -> tuple[str, Sequence[float]]:
    """Counts in the direction that agrees better with the truth, and what that is called."""
    if kendall(counts, truth) >= 0:
        return f"more {name}", counts
    return f"fewer {name}", [-count for count in counts]


def countable(space: Space, genomes: Sequence[Genome]) -> dict[str, list[float]]:
    """What can be counted of full genomes: for each kind of choice, its options in all.

    Choices are of one kind if they have the same name but for their slots (all blocks' heads, say);
    kinds without numbers are left out.
    """
    made = [space.options(genome) for genome in genomes]
    counts: dict[str, list[float]] = {}
    for choice in space.choices:
        if all(isinstance(option, int | float) for option in choice.options):
            kind = choice.name.removeprefix(f"{choice.slot}.")
            sums = counts.setdefault(f"{kind} in all", [0.0] * len(genomes))
            for i, options in enumerate(made):
                sums[i] += float(options.get(choice.name) or 0)
    return counts


def repeat_noise(repeats: Sequence[Sequence[float]]) -> RepeatNoise:
    """The noise of two or more repeats, each over all networks."""
    values = np.asarray(repeats, dtype=np.float64)  # (repeats, networks)
    within = float(values.var(axis=0, ddof=1).mean())
    between = float(values.mean(axis=0).var(ddof=1))  # of the means: holds their noise as well
    # The part of the means' variance that another set of repeats would show again; its root is
    # their correlation with what they estimate, which tau follows as Greiner's relation says.
    reliability = max(0.0, 1 - within / len(values) / between) if between else 0.0
    ceiling = 2 / math.pi * math.asin(math.sqrt(reliability))
    return RepeatNoise(math.sqrt(within), mean_pairwise(kendall, values), ceiling)


def networks_deviation(repeats: Sequence[Sequence[float]]) -> float:
    """The standard deviation between networks that is none of their repeats'; 0 if all is noise."""
    values = np.asarray(repeats, dtype=np.float64)  # (repeats, networks)
    within = float(values.var(axis=0, ddof=1).mean())
    return math.sqrt(max(0.0, float(values.mean(axis=0).var(ddof=1)) - within / len(values)))


def mean_pairwise(statistic: Callable[[Values, Values], float], repeats: Values) -> float:
    """The mean of a statistic over all pairs of repeats, shape (repeats, networks)."""
    return float(np.mean([statistic(a, b) for a, b in combinations(repeats, 2)]))


def split_half(evaluations: Sequence[Evaluation]) -> float | None:
    """The reliability of scores: how well another sample of images would order the candidates.

    The correlation over candidates between the scores on even and on odd validation images, raised
    to the full length by Spearman and Brown's formula 2r / (1 + r). Only candidates drawn at random
    count: selected ones are alike, which lowers any correlation. None where fewer than ten of them
    have both halves, or their scores do not vary.
    """
    even, odd = _halves([e for e in evaluations if e.origin == "random"])
    if len(even) < _FEWEST or even.std() == 0 or odd.std() == 0:
        return None
    r = float(np.corrcoef(even, odd)[0, 1])
    return 2 * r / (1 + r) if r > 0 else 0.0


def split_half_error(evaluations: Sequence[Evaluation]) -> float | None:
    """The standard error of scores between candidates, as far as it comes from the images.

    Half the standard deviation over candidates of the difference between the scores on even and on
    odd validation images; what all candidates share, such as easier images, drops out. None where
    fewer than two have both halves.
    """
    even, odd = _halves(evaluations)
    return float(np.std(even - odd, ddof=1)) / 2 if len(even) > 1 else None


def _halves(evaluations: Sequence[Evaluation]) -> Values:
    """The scores on even and on odd validation images, (2, candidates that have both).

    Losses where these have halves, as they have where they rank, else accuracies.
    """
    for name in ("loss", "accuracy"):
        halves = (f"{name}_even", f"{name}_odd")
        having = [e.metrics for e in evaluations if e.metrics.keys() >= {*halves}]
        if having:
            return np.array([[metrics[half] for metrics in having] for half in halves])
    return np.zeros((2, 0))
