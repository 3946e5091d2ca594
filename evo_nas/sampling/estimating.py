"""Shares that are estimated from draws, because nothing counts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from evo_nas.space.space import Genome


@dataclass(frozen=True, slots=True)
class Quota:
    """Of ``drawn`` genomes, how many met each limit ``alone``, by its text, and ``every`` one."""

    drawn: int
    alone: Mapping[str, int]
    every: int

    @property
    def share(self) -> float:
        """The estimated share that meets every limit; never 0, which would be a certainty."""
        return max(self.every, 0.5) / self.drawn


def estimate(
    draw: Callable[[np.random.Generator], Genome],
    alone: Mapping[str, Callable[[Genome], bool]],
    every: Callable[[Genome], bool],
    count: int,
) -> Quota:
    """What ``count`` genomes say, always the same ones: a search may go by what is estimated."""
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(count)]
    return Quota(
        count,
        {name: sum(map(meets, drawn)) for name, meets in alone.items()},
        sum(map(every, drawn)),
    )
