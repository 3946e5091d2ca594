"""An evaluated candidate, as a run's SQLite file holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evo_nas.space.space import Genome
from evo_nas.training.batches import Ledger


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluated candidate; genomes are full canonical genomes of the root space.

    ``failure`` says why it has no metrics, None where it has some.
    """

    stage: str
    phase: str
    generation: int
    position: int
    genome: Genome
    flops: int
    params: int
    metrics: Mapping[str, float]
    origin: str
    parents: tuple[Genome, ...]
    seconds: float
    images: Ledger
    failure: str | None = None


def evaluation_of(row: tuple[Any, ...], known: dict[Genome, Genome]) -> Evaluation:
    """The evaluation in a row; genomes are taken from those ``known``, as parents have been."""
    stage, phase, generation, position = row[:4]
    genome, flops, params, metrics, origin, parents, seconds, trained, measured, failure = row[4:]
    genome, *parents = (known.setdefault(one, one) for one in map(tuple, (genome, *parents)))
    return Evaluation(
        stage, phase, generation, position, genome, flops, params, metrics, origin,
        tuple(parents), seconds, Ledger(trained, measured), failure,
    )  # fmt: skip
