"""One generation scored by several processes, each of one thread, on copies of shared weights.

A candidate's scores depend on nobody's company, so the outcome is the same for any number of
processes. Candidates are dealt in the order of their genomes: those that begin alike stay together
and share that work.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from evo_nas.core.workers.parallel import pack, run_unordered
from evo_nas.data.images import Images, prepare
from evo_nas.space.space import Genome
from evo_nas.space.supernet import Supernet

from .paths import score

_FEWEST = 4  # candidates that are worth a process


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """What a process needs to score: plain values, arrays and images, which processes can share.

    ``supernet`` is its pickle as bytes (uint8), made in this process for its own workers.
    """

    supernet: npt.NDArray[np.uint8]
    digest: str
    validation: Images
    calibration: Images
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int

    @classmethod
    def of(
        cls,
        supernet: Supernet,
        validation: Images,
        calibration: Images,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        size: int,
    ) -> ScoringJob:
        """The job of scoring on this supernet and these images, all on the CPU."""
        packed = pack(supernet)
        return cls(
            np.frombuffer(packed, dtype=np.uint8),
            hashlib.sha256(packed).hexdigest(),
            validation,
            calibration,
            mean,
            std,
            size,
        )


def score_in_processes(
    job: ScoringJob, genomes: Sequence[Genome], processes: int
) -> list[dict[str, float]]:
    """The metrics of full genomes, in their order; see :func:`evo_nas.evaluation.paths.score`."""
    parts = max(1, min(processes, len(genomes) // _FEWEST))
    order = sorted(range(len(genomes)), key=lambda i: genomes[i])
    dealt = [part.tolist() for part in np.array_split(np.array(order), parts)]
    tasks = [(job, [genomes[i] for i in part]) for part in dealt]
    metrics: dict[int, dict[str, float]] = {}
    for position, scored in run_unordered(_score_part, tasks, parts):
        metrics |= dict(zip(dealt[position], scored, strict=True))
    return [metrics[i] for i in range(len(genomes))]


def _score_part(task: tuple[ScoringJob, list[Genome]]) -> tuple[dict[str, float], ...]:
    job, genomes = task
    if _unpacked.get("digest") != job.digest:  # a worker keeps the supernet between generations
        _unpacked.update(digest=job.digest, supernet=pickle.loads(job.supernet.tobytes()))
    ready = partial(prepare, mean=job.mean, std=job.std, size=job.size)
    supernet: Supernet = _unpacked["supernet"]
    return score(supernet, genomes, job.validation, job.calibration.pixels, ready).metrics


_unpacked: dict[str, Any] = {}
