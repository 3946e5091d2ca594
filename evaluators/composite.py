"""What evaluators that ask others have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from evo_nas import registry
from evo_nas.evaluator import EvaluationContext, Evaluator
from evo_nas.space import Genome, Space
from evo_nas.streams import Streams


class Composite(Evaluator):
    """Several evaluators, of specs by name; each has a folder and streams of its own, by its name.

    What becomes of the networks (who confirms finalists, shared weights) is as ``lead`` says, the
    one of them whose metrics are about the networks.
    """

    def __init__(self, specs: Mapping[str, str]) -> None:
        self._specs = {name: str(spec) for name, spec in specs.items()}
        self._evaluators: dict[str, Evaluator] = {
            name: registry.load("evaluator", spec) for name, spec in self._specs.items()
        }
        evaluators = self._evaluators.values()
        self.needs_data = any(evaluator.needs_data for evaluator in evaluators)
        self.repeatable = all(evaluator.repeatable for evaluator in evaluators)
        self._opened: list[Evaluator] = []

    def lead_by(self, lead: Evaluator) -> None:
        """Be what ``lead`` is."""
        self._lead = lead
        self.retrainer = lead.retrainer
        self.shares_weights, self.inherits = lead.shares_weights, lead.inherits
        self.keeps_weights = lead.keeps_weights

    def check(self, space: Space) -> None:
        """All have to be able to score the space."""
        for evaluator in self._evaluators.values():
            evaluator.check(space)

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Open all."""
        for name, evaluator in self._evaluators.items():
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
        """Release those that were opened."""
        for evaluator in self._opened:
            evaluator.close()
