"""Asking an evaluator that may fail in any way: one answer for each genome, checked.

Why: docs/decisions/012-failed-candidates.md.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from evo_nas.core.plugins.blame import ANYHOW, describe
from evo_nas.errors import ContractError, EvaluatorError, EvoNasError
from evo_nas.space.space import Genome, Space

from .evaluator import (
    Answer,
    EvaluationContext,
    Evaluator,
    Failure,
    Objective,
    Outcome,
    check_metrics,
)


def open_evaluator(evaluator: Evaluator, space: Space, context: EvaluationContext) -> None:
    """Open it.

    Raises:
        EvaluatorError: it failed in some way of its own, which is told with the line.
        EvoNasError: as it says.
    """
    try:
        evaluator.open(space, context)
    except EvoNasError:
        raise
    except ANYHOW as error:  # a plug-in may fail in any way
        raise EvaluatorError(
            f"evaluator {type(evaluator).__name__} could not be opened: {describe(error)}"
        ) from error


@contextmanager
def closed_if_it_fails(evaluator: Evaluator) -> Iterator[None]:
    """For ``open`` of an evaluator that has engaged others: nobody closes one that did not open."""
    try:
        yield
    except BaseException:
        evaluator.close()
        raise


def answers(
    evaluator: Evaluator, genomes: Sequence[Genome], context: EvaluationContext
) -> Generator[tuple[int, Answer], None, None]:
    """The :func:`outcomes` of an evaluator opened with ``context``, and what each of them took."""
    with closing(outcomes(evaluator, genomes)) as arriving:
        for position, outcome in arriving:
            yield position, Answer(outcome, *context.take())


def outcomes(
    evaluator: Evaluator, genomes: Sequence[Genome]
) -> Generator[tuple[int, Outcome], None, None]:
    """Each position in ``genomes`` once, with checked metrics or why there are none.

    Where the evaluator raises amid several genomes, it is not known which of them is to blame:
    those that are missing are asked again, one at a time.

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
                    f"{len(genomes)}, which was not asked or has been returned before"
                )
            missing.remove(position)
            yield position, checked(outcome, evaluator.objectives)
    except ANYHOW as error:  # a plug-in may fail in any way
        failure = Failure.by(error)
        alone = len(genomes) == 1
        for position in sorted(missing):
            yield position, failure if alone else outcome_of(evaluator, genomes[position])
        return
    if missing:
        raise ContractError(
            f"evaluator {type(evaluator).__name__} returned {len(genomes) - len(missing)} of "
            f"{len(genomes)} candidates"
        )


def outcome_of(evaluator: Evaluator, genome: Genome) -> Outcome:
    """The outcome of a generation of one."""
    ((_, outcome),) = outcomes(evaluator, [genome])
    return outcome


def metrics_of(evaluator: Evaluator, genome: Genome) -> Mapping[str, float]:
    """The metrics of a genome; for evaluators whose ``evaluate`` is a generation of one.

    Raises:
        EvaluatorError: the candidate has failed.
    """
    ((_, outcome),) = evaluator.evaluate_many([genome])
    if isinstance(outcome, Failure):
        raise EvaluatorError(outcome.reason)
    return outcome


def checked(outcome: Outcome, objectives: Sequence[Objective]) -> Outcome:
    """The metrics as plain floats; a failure if they are not what they should be."""
    if isinstance(outcome, Failure):
        return outcome
    try:
        return check_metrics(outcome, objectives)
    except Exception as error:  # what was returned may be anything
        return Failure.by(error)
