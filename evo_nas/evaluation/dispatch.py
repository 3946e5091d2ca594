"""An evaluator at work: opened here, and asked in worker processes where it is to work in such.

Why: docs/decisions/014-comparing-stays.md.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial

from evo_nas.core.devices import torch_threads
from evo_nas.core.plugins.blame import ANYHOW, describe
from evo_nas.errors import EvaluatorError, EvoNasError
from evo_nas.space.space import Genome, Space

from .evaluator import Answer, EvaluationContext, Evaluator
from .outcomes import answers
from .rungs import Rung
from .workers import Workers, worker_count


class AtWork:
    """An evaluator that is asked about genomes of ``space``, wherever it works.

    It is opened in this process. Workers are started when it is first asked, if there are to be
    some (:func:`evo_nas.evaluation.workers.worker_count`); ``limit`` is the seconds that each
    genome may take there, 0 for any time. Evaluators that it asks itself, by ``engage`` of its
    context, are at work in the same way.

    Raises:
        EvoNasError: it cannot be opened.
    """

    def __init__(
        self, evaluator: Evaluator, space: Space, context: EvaluationContext, limit: float = 0
    ) -> None:
        self.evaluator, self._space, self._limit = evaluator, space, limit
        if evaluator.in_workers:  # in no process, so that nothing depends on their number
            context = replace(context, draw=None, legal=None)
        self.context = replace(context, engage=partial(AtWork, limit=limit))
        self._workers: Workers | None = None
        context.folder.mkdir(parents=True, exist_ok=True)
        try:
            evaluator.open(space, self.context)
        except EvoNasError:
            raise
        except ANYHOW as error:  # a plug-in may fail in any way
            raise EvaluatorError(
                f"evaluator {type(evaluator).__name__} could not be opened: {describe(error)}"
            ) from error

    def answers(
        self, genomes: Sequence[Genome], rung: Rung | None = None
    ) -> Generator[tuple[int, Answer], None, None]:
        """Each position in ``genomes`` once, with checked metrics or why there are none.

        Of a ``rung``, if one is given. What an answer took is no more in the context.

        Raises:
            EvoNasError: something failed that is not about a candidate.
        """
        context, of = self.context, (self.evaluator, self._space)
        if self._workers is None and worker_count(*of, context.device, context.jobs, self._limit):
            self._workers = Workers(*of, context, self._limit)
        if self._workers is not None:
            yield from self._workers.answers(genomes, rung)
        elif self.evaluator.in_workers:
            with torch_threads(1):  # as in a worker
                yield from answers(self.evaluator, genomes, context, rung)
        else:
            yield from answers(self.evaluator, genomes, context, rung)

    def close(self) -> None:
        """Release the evaluator, and end its workers."""
        if self._workers is not None:
            self._workers.close()
        self.evaluator.close()
