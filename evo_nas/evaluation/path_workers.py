"""One generation scored by several processes, each of one thread, on copies of shared weights.

A candidate's scores depend on nobody's company, so the outcome is the same for any number of
processes. Candidates are dealt in the order of their genomes: those that begin alike stay together
and share that work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evo_nas.core.devices import torch_threads
from evo_nas.core.workers.pool import Lost, WorkerPool
from evo_nas.core.workers.shared import SharedFile, pack, read_shared, unpack
from evo_nas.data.images import Images, prepare
from evo_nas.errors import EvaluatorError, TrainingError
from evo_nas.space.space import Genome
from evo_nas.space.supernet import Supernet

from .paths import score

_FEWEST = 4  # candidates that are worth a process
Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class PathScorer:
    """Scores paths of a supernet on its device; on the CPU in one thread."""

    supernet: Supernet
    validation: Images
    calibration: Images
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int
    device: str

    def score(self, genomes: Sequence[Genome]) -> Sequence[Metrics]:
        """The metrics of full genomes, in their order; see :mod:`evo_nas.evaluation.paths`.

        All together, or as many as fit into memory: candidates do not see each other.

        Raises:
            TrainingError: not even one fits.
        """
        calibration = self.calibration.pixels
        try:
            with torch_threads(1):
                return score(self.supernet, genomes, self.validation, calibration, self._ready)
        except torch.OutOfMemoryError:
            pass  # what it holds is free only after this block
        if len(genomes) == 1:
            raise TrainingError(
                f"genome {' '.join(map(str, genomes[0]))}: a batch of images does not fit into the "
                f"memory of {self.device} to be scored; choose a narrower geometry or --device cpu"
            )
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        half = len(genomes) // 2
        return [*self.score(genomes[:half]), *self.score(genomes[half:])]

    def _ready(self, pixels: Tensor) -> Tensor:
        return prepare(pixels.to(self.device), self.mean, self.std, self.size)


class PathWorkers:
    """Worker processes with a copy of a scorer each, started when there is enough to do."""

    def __init__(self, scorer: PathScorer, processes: int) -> None:
        self._scorer, self._processes = scorer, processes
        self._file: SharedFile | None = None

    def score(self, genomes: Sequence[Genome]) -> Sequence[Metrics]:
        """As the scorer does.

        Raises:
            EvaluatorError: two workers died over it.
        """
        parts = min(self._processes, len(genomes) // _FEWEST)
        if parts < 2:
            return self._scorer.score(genomes)
        if self._file is None:
            # The supernet as bytes: its classes may be those of a plug-in's file.
            it = self._scorer
            others = (it.validation, it.calibration, it.mean, it.std, it.size, it.device)
            self._file = SharedFile((pack(it.supernet), others))
            openings = [partial(_scores, self._file.path)] * self._processes
            self._pool: WorkerPool[list[Genome], Sequence[Metrics]] = WorkerPool(openings)
        order = sorted(range(len(genomes)), key=lambda i: genomes[i])
        dealt = [part.tolist() for part in np.array_split(np.array(order), parts)]
        metrics: dict[int, Metrics] = {}
        for position, scored in self._pool.run([[genomes[i] for i in part] for part in dealt]):
            if isinstance(scored, Lost):
                raise EvaluatorError(f"paths cannot be scored: {scored.reason}")
            metrics |= dict(zip(dealt[position], scored, strict=True))
        return [metrics[i] for i in range(len(genomes))]

    def close(self) -> None:
        """End the workers."""
        if self._file is not None:
            self._pool.close()
            self._file.close()
            self._file = None


def _scores(file: Path) -> Callable[[list[Genome]], Sequence[Metrics]]:
    """What scores a part of a generation, in a worker."""
    supernet, others = read_shared(file)
    return PathScorer(unpack(supernet), *others).score
