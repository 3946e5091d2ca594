"""By how much genomes are expected to enlarge the hypervolume that a Pareto front dominates.

Emmerich et al. 2006, "Single- and multiobjective evolutionary optimization assisted by Gaussian
random field metamodels". Costs are known before an evaluation. Over the costs the front is a
staircase, and a genome's share of its hypervolume is what it rises above the stairs: a sum of
expected improvements, one for each stair, in closed form.

Why: docs/decisions/064-hypervolume.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import moocore
import numpy as np
from scipy.special import logsumexp

from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome

from .acquisition import log_expected_improvement
from .process import GaussianProcess, Posterior

_MARGIN = 0.1  # of the range of what is known
_CELLS = 20_000  # of a grid, at most; where points have more, their hypervolumes are less work


class Staircase:
    """The best value known for any costs, of points with ``values`` (n,) and ``costs`` (n, k).

    Costs are to be low, values high. ``levels`` are the heights of the points that stand out, the
    lowest first, below them the ``floor``, where no point costs as little.
    """

    def __init__(self, floor: float, ceiling: Floats, values: Floats, costs: Floats) -> None:
        best = moocore.is_nondominated(np.column_stack([-values, costs])) & (values > floor)
        order = np.argsort(values[best], kind="stable")
        self._ceiling, self._costs = ceiling, costs[best][order]
        self.levels: Floats = np.concatenate([[floor], values[best][order]])
        self._edges = [np.concatenate([[-np.inf], np.sort(axis)]) for axis in self._costs.T]
        self._stairs = self._of_cells() if len(self.levels) ** len(ceiling) <= _CELLS else None

    def above(self, costs: Floats) -> Floats:
        """How much of each level lies where a genome of ``costs`` (m, k) could rise: (m, levels).

        That is a volume of costs: those at least as high as the genome's, and below the ceiling.
        """
        if self._stairs is None:
            return np.array([self._volumes(each) for each in costs])
        volumes = np.ones((len(costs), 1))
        for edges, end, starts in zip(self._edges, self._ceiling, costs.T, strict=True):
            ends = np.minimum(np.append(edges[1:], end), end)
            lengths = np.maximum(ends - np.maximum(edges, starts[:, None]), 0.0)
            volumes = (volumes[:, :, None] * lengths[:, None, :]).reshape(len(costs), -1)
        above: Floats = volumes @ self._stairs
        return above

    def _of_cells(self) -> Floats:
        """Which level each cell of the grid through all points has: (cells, levels), ones."""
        corners = np.stack(np.meshgrid(*self._edges, indexing="ij"), axis=-1)
        corners = corners.reshape(-1, 1, len(self._ceiling))
        reached = (self._costs <= corners).all(axis=2) * np.arange(1, len(self.levels))
        ones: Floats = np.eye(len(self.levels))[reached.max(axis=1, initial=0)]
        return ones

    def _volumes(self, costs: Floats) -> Floats:
        """The same of one genome, by hypervolumes: what points above a level leave uncovered."""
        if (costs >= self._ceiling).any():
            return np.zeros(len(self.levels))
        reached = np.maximum(self._costs, costs)
        covered = [moocore.hypervolume(reached[i:], ref=self._ceiling) for i in range(len(reached))]
        uncovered = np.prod(self._ceiling - costs) - np.array([*covered, 0.0])
        volumes: Floats = np.maximum(np.diff(uncovered, prepend=0.0), 0.0)
        return volumes


class ExpectedHypervolumeImprovement:
    """What genomes are expected to add to the front of what processes were fitted to.

    ``processes`` are of the first objective and of those that are not known before an evaluation,
    each standing for minus a cost; ``known`` gives the other costs of genomes (n, known).
    ``evaluated`` are the costs ``known`` of what they were fitted to. Of the costs that are not
    known ``deviates`` (draws, processes - 1) are tried, the same for all genomes.
    """

    def __init__(
        self,
        processes: Sequence[GaussianProcess],
        known: Callable[[Sequence[Genome]], Floats],
        evaluated: Floats,
        deviates: Floats,
    ) -> None:
        self._processes, self._known, self._deviates = processes, known, deviates
        means = np.column_stack([p.predict(p.encoded).mean for p in processes])
        self._values, self._costs = means[:, 0], np.hstack([evaluated, -means[:, 1:]])
        self._ceiling = self._costs.max(axis=0) + _margin(self._costs)
        self._floor = float(self._values.min() - _margin(self._values))

    def front(self) -> list[int]:
        """Which of what the processes were fitted to are on the front, by what these believe."""
        front = moocore.is_nondominated(np.column_stack([-self._values, self._costs]))
        indices: list[int] = np.flatnonzero(front).tolist()
        return indices

    def gain(self, genomes: Sequence[Genome]) -> list[float]:
        """The logarithm of each one's expected share of the hypervolume, -inf beyond its ends."""
        beliefs = [process.about(genomes) for process in self._processes]
        gains: list[float] = self._gain(beliefs, self._known(genomes)).tolist()
        return gains

    def choose(self, genomes: Sequence[Genome], count: int) -> list[Genome]:
        """Those that are expected to add most, one after the other.

        Each is believed to score what is expected of it, and stands on the front then, so that the
        next is elsewhere (the kriging believer, as in :func:`choose`).
        """
        beliefs = [process.about(genomes) for process in self._processes]
        known = self._known(genomes)
        chosen: list[int] = []
        for _ in range(min(count, len(genomes))):
            gain = self._gain(beliefs, known)
            gain[chosen] = -np.inf
            index = int(np.argmax(gain))
            if index in chosen:  # nothing else is worth anything
                break
            chosen.append(index)
            costs = [*known[index], *(-belief.mean[index] for belief in beliefs[1:])]
            self._values = np.append(self._values, beliefs[0].mean[index])
            self._costs = np.vstack([self._costs, costs])
            for belief in beliefs:
                belief.believe(index)
        return [genomes[i] for i in chosen]

    def _gain(self, beliefs: Sequence[Posterior], known: Floats) -> Floats:
        stairs = Staircase(self._floor, self._ceiling, self._values, self._costs)
        first, *others = beliefs
        rises = first.mean[:, None] - stairs.levels
        expected = log_expected_improvement(rises, np.sqrt(first.variance)[:, None])
        above = np.zeros(rises.shape)
        for deviates in self._deviates:
            drawn = [
                -(belief.mean + deviate * np.sqrt(belief.variance))
                for belief, deviate in zip(others, deviates, strict=True)
            ]
            above += stairs.above(np.column_stack([known, *drawn])) / len(self._deviates)
        with np.errstate(divide="ignore"):  # nothing is added where no cost is below the ceiling
            gain: Floats = np.round(logsumexp(expected + np.log(above), axis=1), 6)
        return gain


def _margin(values: Floats) -> Floats:
    """How far beyond the worst the hypervolume ends, where values vary or not."""
    ranges = np.ptp(values, axis=0)
    margin: Floats = _MARGIN * np.where(ranges > 0, ranges, 1.0)
    return margin
