"""What evaluators that ask two others have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from evo_nas import registry
from evo_nas.evaluator import EvaluationContext, Evaluator
from evo_nas.space import Genome, Space
from evo_nas.streams import Streams


class Pair(Evaluator):
    """Two evaluators, ``first`` and ``second``, each with a folder and streams of its own.

    What becomes of the networks (who confirms finalists, shared weights) is as ``lead`` says, the
    one of the two whose metrics are about them.
    """

    def __init__(self, first: str, second: str) -> None:
        self._specs = str(first), str(second)
        self._first: Evaluator = registry.load("evaluator", self._specs[0])
        self._second: Evaluator = registry.load("evaluator", self._specs[1])
        self.needs_data = self._first.needs_data or self._second.needs_data
        self.repeatable = self._first.repeatable and self._second.repeatable
        self._opened: list[Evaluator] = []

    def lead_by(self, lead: Evaluator) -> None:
        """Be what ``lead`` is."""
        self._lead = lead
        self.retrainer = lead.retrainer
        self.shares_weights, self.inherits = lead.shares_weights, lead.inherits
        self.keeps_weights = lead.keeps_weights

    def check(self, space: Space) -> None:
        """Both have to be able to score the space."""
        self._first.check(space)
        self._second.check(space)

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Open both."""
        for name, evaluator in (("first", self._first), ("second", self._second)):
            folder = context.folder / name
            folder.mkdir(parents=True, exist_ok=True)
            streams = Streams(context.streams.number(name))
            self._opened.append(evaluator)
            evaluator.open(space, replace(context, folder=folder, streams=streams))

    def weights(self, genome: Genome) -> Path | None:
        """Those that the leading evaluator kept."""
        return self._lead.weights(genome)

    def initial_weights(self, genome: Genome) -> Mapping[str, Tensor]:
        """The shared weights of the leading evaluator."""
        return self._lead.initial_weights(genome)

    def close(self) -> None:
        """Release both."""
        for evaluator in self._opened:
            evaluator.close()
