"""Where the time and the images of a run went."""

from __future__ import annotations

from dataclasses import dataclass

from evo_nas.results.result import Result
from evo_nas.training.batches import Ledger


@dataclass(frozen=True, slots=True)
class Spent:
    """One phase; ``share`` is of all seconds."""

    stage: str
    phase: str
    seconds: float
    share: float
    images: Ledger


@dataclass(frozen=True, slots=True)
class Spending:
    """All phases in the order in which they began, and their sums."""

    phases: tuple[Spent, ...]
    seconds: float
    images: Ledger


def spending(result: Result) -> Spending:
    """What the run has spent so far, over all restarts."""
    seconds = sum(result.spent.values())
    phases = tuple(
        Spent(
            stage,
            phase,
            result.spent.get((stage, phase), 0.0),
            result.spent.get((stage, phase), 0.0) / seconds if seconds else 0.0,
            result.images.get((stage, phase), Ledger()),
        )
        for stage, phase in dict.fromkeys([*result.spent, *result.images])
    )
    return Spending(phases, seconds, sum(result.images.values(), Ledger()))
