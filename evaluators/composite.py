"""What evaluators that ask others have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.dispatch import AtWork
from evo_nas.evaluation.evaluator import Answer, EvaluationContext, Evaluator, Failure, Outcome
from evo_nas.evaluation.reference import reference_sample
from evo_nas.evaluation.rungs import Rung
from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import Recipe


class Composite(Evaluator):
    """Evaluators, of specs by name; each has a folder and streams of its own, by its name.

    One without a name has those of the whole. Each works where it says. What becomes of the
    networks (who confirms finalists, shared weights, whether a time limit holds) is as ``lead``
    says, the one of them whose metrics are about the networks; all of them are measured under the
    ``conditions`` of each.
    """

    def __init__(self, specs: Mapping[str, str], lead: str) -> None:
        self._specs = specs
        self._evaluators: dict[str, Evaluator] = {
            name: registry.load("evaluator", spec) for name, spec in specs.items()
        }
        evaluators = self._evaluators.values()
        self.needs_data = any(evaluator.needs_data for evaluator in evaluators)
        self.repeatable = all(evaluator.repeatable for evaluator in evaluators)
        told = dict.fromkeys(evaluator.conditions for evaluator in evaluators)
        self.conditions = "; ".join(filter(None, told))
        self._members: dict[str, AtWork] = {}

        self._lead = it = self._evaluators[lead]
        self.retrainer, self.keeps_weights = it.retrainer, it.keeps_weights
        self.shares_weights, self.inherits = it.shares_weights, it.inherits
        self.asks_workers = it.in_workers or it.asks_workers

    def check(self, space: Space) -> None:
        for evaluator in self._evaluators.values():
            evaluator.check(space)

    def demand(self, space: Space, geometry: Geometry, recipe: Recipe) -> str:
        told = (each.demand(space, geometry, recipe) for each in self._evaluators.values())
        return "; ".join(filter(None, told))

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._context = context
        try:
            for name, evaluator in self._evaluators.items():
                folder, streams = context.folder / name, context.streams
                if name:
                    streams = Streams(streams.number(name))
                # An account of its own, so that what was spent is known by candidate.
                own = replace(context, folder=folder, streams=streams, ledger=Ledger(), notes=[])
                self._members[name] = (context.engage or AtWork)(evaluator, space, own)
                context.add(*own.take())
            self.prepare(space)
        except BaseException:  # nobody closes an evaluator that did not open
            self.close()
            raise

    def prepare(self, space: Space) -> None:
        """What is to be done once all are open."""

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        ((_, outcome),) = self.evaluate_many([genome])
        if isinstance(outcome, Failure):
            raise EvaluatorError(outcome.reason)
        return outcome

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """As :meth:`decide` says; what all took over a candidate is counted before its outcome."""
        self._answers: dict[int, list[Answer]] = {position: [] for position in range(len(genomes))}
        for position, outcome in self.decide(genomes):
            for answer in self._answers.pop(position, ()):
                self._context.add(answer.images, answer.notes)
            yield position, outcome

    @abstractmethod
    def decide(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Each position in ``genomes`` once, with what follows from what :meth:`ask` gives."""

    def ask(
        self,
        name: str,
        genomes: Sequence[Genome],
        positions: Sequence[int],
        rung: Rung | None = None,
    ) -> Iterator[tuple[int, Outcome]]:
        """What an evaluator says of the genomes at these positions (of a rung), in any order."""
        asked = [genomes[i] for i in positions]
        with closing(self._members[name].answers(asked, rung)) as arriving:
            for index, answer in arriving:
                self._answers[positions[index]].append(answer)
                yield positions[index], answer.outcome

    def reference_scores(self, space: Space, count: int) -> list[tuple[Genome, Outcome]]:
        """A reference sample, and what the evaluator without a name says of each network of it."""
        sample = reference_sample(space, self._context, count)
        progress, found = self._context.progress, dict[Genome, Outcome]()
        progress.start("scoring the reference sample", len(set(sample)), "genomes")
        for genome, outcome in self.ask_sample("", sample):
            found[genome] = outcome
            progress.advance(len(found))
        return [(genome, found[genome]) for genome in sample]

    def ask_sample(
        self, name: str, sample: Sequence[Genome], rung: Rung | None = None
    ) -> Iterator[tuple[Genome, Outcome]]:
        """The same of each different genome of a reference sample."""
        different = list(dict.fromkeys(sample))
        with closing(self._members[name].answers(different, rung)) as arriving:
            for position, answer in arriving:
                self._context.add(answer.images, answer.notes)
                yield different[position], answer.outcome

    def accepts(self, metrics: Mapping[str, float]) -> bool:
        """Where all of them do."""
        return all(evaluator.accepts(metrics) for evaluator in self._evaluators.values())

    def weights(self, genome: Genome) -> Path | None:
        return self._lead.weights(genome)

    def initial_weights(self, genome: Genome) -> Mapping[str, Tensor]:
        return self._lead.initial_weights(genome)

    def close(self) -> None:
        for member in self._members.values():
            member.close()
        self._members.clear()
