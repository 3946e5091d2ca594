"""Where a score stands among those of typical candidates: a scale that no later candidate moves.

Ranks among the candidates of a search would change with every new one. Ranks among a sample that is
drawn once, from the prior of what may be searched, depend on the genome and the context alone.

Why: docs/decisions/011-reference-sample.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p

import numpy as np

from evo_nas.sampling.distribution import prior
from evo_nas.space.space import Genome, Space

from .evaluator import EvaluationContext


def reference_sample(space: Space, context: EvaluationContext, count: int) -> list[Genome]:
    """``count`` genomes from the prior of what the run's budget admits, always the same ones.

    Small spaces give some of them several times.
    """
    rng = context.streams.generator("reference")
    typical = prior(space)
    draw = context.draw or (lambda generator: typical.draw(space, generator))
    return [draw(rng) for _ in range(count)]


class Standing:
    """Places of numbers among those of a sample.

    Within the sample's range a place is the share of the sample below (of equals one half counts),
    linear between its numbers. Beyond, places go on, so that better than all is not yet equal: by
    log(1 + distance / range) / (size of the sample), below 0 or above 1 for numbers far away.
    """

    def __init__(self, sample: Sequence[float]) -> None:
        assert sample, "places are places among something"
        self.size = len(sample)
        self._values, counts = np.unique(np.asarray(sample, dtype=np.float64), return_counts=True)
        self._places = (np.cumsum(counts) - counts / 2) / self.size
        self._range = float(self._values[-1] - self._values[0]) or 1.0

    def place(self, value: float) -> float:
        """Strictly increasing in ``value``, up to rounding."""
        beyond = max(value - self._values[-1], self._values[0] - value, 0.0)
        further = log1p(beyond / self._range) / self.size
        inside = float(np.interp(value, self._values, self._places))
        return inside + further if value > self._values[-1] else inside - further
