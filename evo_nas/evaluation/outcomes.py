"""Asking an evaluator that may fail in any way: one answer for each genome, checked.

Why: docs/decisions/012-failed-candidates.md.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

from evo_nas.core.plugins.blame import ANYHOW
from evo_nas.errors import ContractError
from evo_nas.space.space import Genome

from .evaluator import (
    Answer,
    EvaluationContext,
    Evaluator,
    Failure,
    Objective,
    Outcome,
    check_metrics,
)
from .rungs import AtRung, Rung


def answers(
    evaluator: Evaluator,
    genomes: Sequence[Genome],
    context: EvaluationContext,
    rung: Rung | None = None,
) -> Generator[tuple[int, Answer], None, None]:
    """The :func:`outcomes` of an evaluator opened with ``context``, and what each of them took.

    With a ``rung``, those of one that ``pauses`` after this part of its trainings.
    """
    it = evaluator if rung is None else AtRung(evaluator, rung)
    with closing(outcomes(it, genomes, context.notes)) as arriving:
        for position, outcome in arriving:
            yield position, Answer(outcome, *context.take())


def outcomes(
    evaluator: Evaluator, genomes: Sequence[Genome], notes: list[str] | None = None
) -> Generator[tuple[int, Outcome], None, None]:
    """Each position in ``genomes`` once, with checked metrics or why there are none.

    Where the evaluator raises amid several genomes, it is not known which of them is to blame:
    those that are missing are asked again, one at a time. What is left out of the metrics is added
    to ``notes``.

    Raises:
        ContractError: a position was not asked, came twice or is missing.
        EvoNasError: something failed that is not about a candidate.
    """
    missing = set(range(len(genomes)))
    try:
        for position, outcome in evaluator.evaluate_many(genomes):
            if position not in missing:
                raise ContractError(
                    f"evaluator {type(evaluator).__name__} returned candidate {position!r} of "
                    f"{len(genomes)}, which was not asked or has been returned before; yield "
                    "(position in genomes, metrics)"
                )
            missing.remove(position)
            yield position, checked(outcome, evaluator.objectives, notes)
    except ANYHOW as error:  # a plug-in may fail in any way
        failure = Failure.by(error)
        for position in sorted(missing):
            if len(genomes) == 1:
                yield position, failure
            else:
                ((_, outcome),) = outcomes(evaluator, [genomes[position]], notes)
                yield position, outcome
        return
    if missing:
        raise ContractError(
            f"evaluator {type(evaluator).__name__} returned {len(genomes) - len(missing)} of "
            f"{len(genomes)} candidates"
        )


def checked(
    outcome: Outcome, objectives: Sequence[Objective], notes: list[str] | None = None
) -> Outcome:
    """The metrics as plain floats; a failure if they are not what they should be."""
    if isinstance(outcome, Failure):
        return outcome
    try:
        return check_metrics(outcome, objectives, notes)
    except Exception as error:  # what was returned may be anything
        return Failure.by(error)
