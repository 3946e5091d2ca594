"""Scores candidates by looking them up: for spaces whose results are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from evo_nas.core.plugins.options import at_least
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator
from evo_nas.space.space import Genome, Space


class TableEvaluator(Evaluator):
    """Looks the metrics up in the space; see :meth:`evo_nas.space.space.Space.metrics`.

    Finalists are looked up too, without ``repeat``: the truth. Any space with ``metrics`` will do.

    Args:
        repeat: the repeat (0, 1, ...) to read, which is noisy as one training is; left out, the
            truth.
    """

    needs_data = False
    retrainer = "table"

    def __init__(self, repeat: Annotated[int, at_least(0)] | None = None) -> None:
        self.repeat = repeat

    def check(self, space: Space) -> None:
        space.metrics(space.canonical((0,) * len(space.choices)), self.repeat)

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space = space

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        return self._space.metrics(genome, self.repeat)
