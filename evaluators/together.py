"""Scores candidates by two evaluators: all metrics of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from evo_nas.core.plugins.options import Spec
from evo_nas.errors import ContractError, SpecError
from evo_nas.evaluation.evaluator import Failure, Outcome
from evo_nas.space.space import Genome

from .composite import Composite


class TogetherEvaluator(Composite):
    """Asks both about every candidate, as ``together?first=supernet&second=latency``.

    The objectives are those of ``first``, then those of ``second``: the first one decides, and
    ``--strategy 'nsga2?against=latency'`` searches the front of both. Finalists are confirmed as
    ``first`` says. In the specs of both, ``&``, ``%`` and ``+`` are written ``%26``, ``%25`` and
    ``%2B``: ``second=latency?batch=8%26repeats=50``.

    Args:
        first: the spec of the evaluator that matters more.
        second: the spec of another one, with objectives of other names.
    """

    def __init__(
        self,
        *,
        first: Annotated[str, Spec("evaluator")],
        second: Annotated[str, Spec("evaluator")],
    ) -> None:
        super().__init__({"first": first, "second": second}, lead="first")
        both = self._evaluators.values()
        self.in_workers = all(each.in_workers for each in both)
        self.objectives = tuple(objective for each in both for objective in each.objectives)
        names = [objective.name for objective in self.objectives]
        for name in names:
            if names.count(name) > 1:
                raise SpecError(
                    f"first={first} and second={second} have the same objective, {name}; it cannot "
                    "be told apart"
                )

    def decide(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """What the second says of each as soon as the first has said all that it has to say."""
        known: dict[int, Mapping[str, float]] = {}
        for position, outcome in self.ask("first", genomes, range(len(genomes))):
            if isinstance(outcome, Failure):
                yield position, outcome
            else:
                known[position] = outcome
        for position, outcome in self.ask("second", genomes, sorted(known)):
            if isinstance(outcome, Failure):
                yield position, outcome
                continue
            if common := known[position].keys() & outcome.keys():
                first, second = self._specs.values()
                raise ContractError(
                    f"evaluators {first} and {second} both returned {min(common)}, which cannot be "
                    "told apart"
                )
            yield position, {**known[position], **outcome}
