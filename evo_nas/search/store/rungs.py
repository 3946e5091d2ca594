"""Finalists that were trained by rungs, as a run recorded them: who came how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from evo_nas.evaluation.rungs import EPOCHS
from evo_nas.space.space import Genome

from .rows import Evaluation


@dataclass(frozen=True, slots=True)
class RungRecord:
    """One rung, which ends after ``epochs``; who is ``measured`` there and not in the next stopped.

    ``failed`` are those that failed on the way.
    """

    epochs: int
    measured: list[Evaluation] = field(default_factory=list)
    failed: list[Evaluation] = field(default_factory=list)


def rungs_of(judged: Sequence[Evaluation]) -> list[RungRecord]:
    """The rungs of a stage's finalists, in their order; none where all were trained to the end.

    Failures beyond the last rung that somebody has come to the end of are left out.
    """
    if not any(evaluation.generation for evaluation in judged):  # whatever its metrics are called
        return []
    scored = [(evaluation, int(evaluation.metrics.get(EPOCHS, 0))) for evaluation in judged]
    rungs = {end: RungRecord(end) for end in sorted({end for _, end in scored if end})}
    in_order, come = list(rungs.values()), Counter[Genome]()
    for evaluation, end in scored:
        number = come[evaluation.genome]
        if end:
            rungs[end].measured.append(evaluation)
        elif evaluation.failure is not None and number < len(rungs):
            in_order[number].failed.append(evaluation)
        come[evaluation.genome] += 1
    return in_order


def last_measured(judged: Sequence[Evaluation]) -> list[Evaluation]:
    """The finalists that came to the end of their training, or as far as any has come so far."""
    rungs = rungs_of(judged)
    return rungs[-1].measured if rungs else [e for e in judged if e.failure is None]


def told_rungs(rungs: Sequence[RungRecord]) -> list[dict[str, object]]:
    """The rungs as best.json tells them: how many were trained and failed, and who went on."""
    following = [{e.genome for e in (*rung.measured, *rung.failed)} for rung in rungs[1:]]
    return [
        {
            "epochs": rung.epochs,
            "trained": len(rung.measured) + len(rung.failed),
            "failed": len(rung.failed),
            "went_on": [list(e.genome) for e in rung.measured if e.genome in went_on],
        }
        for rung, went_on in zip(rungs, [*following, set[Genome]()], strict=False)
    ]
