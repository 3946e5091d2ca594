"""What evaluators that ask in levels have in common: a reference sample decides who goes on.

Why: docs/decisions/011-reference-sample.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import NamedTuple

from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.evaluator import Evaluator, Failure, Objective, Outcome
from evo_nas.evaluation.reference import Standing, reference_sample
from evo_nas.evaluation.rungs import Rung
from evo_nas.space.space import Genome, Space

from .composite import Composite


class Gate(NamedTuple):
    """What passes a level: at least as good as ``threshold``; the others have a place."""

    threshold: float
    standing: Standing

    @classmethod
    def of(cls, scores: Sequence[float], share: float) -> Gate:
        """That of a reference sample."""
        passing = max(round(share * len(scores)), 1)
        return cls(sorted(scores, reverse=True)[passing - 1], Standing(scores))

    def place(self, value: float) -> float:
        """From 0 to 1: the place of what does not pass, however far it is below the sample."""
        place, lowest = self.standing.place(value), 0.5 / self.standing.size
        return place if place >= lowest else lowest * exp(place / lowest - 1)


class Level(NamedTuple):
    """Who is asked, at which rung perhaps, and the ``share`` of what came so far that passes.

    ``name`` is written before its metrics; those of the last level, which has no gate, stand alone.
    """

    name: str
    member: str
    share: float = 1.0
    rung: Rung | None = None


class Levels(Composite):
    """Asks each level only about what those before it like, and puts all on one scale.

    Candidates that level ``n`` stops, counted from 0, have a score between ``lowest`` + n and
    ``lowest`` + n + 1, by their place in its reference sample; the others, above these, the last
    level's plus as many. A subclass sets :attr:`_levels` before :meth:`prepare`.
    """

    _levels: Sequence[Level] = ()

    def __init__(self, specs: Mapping[str, str], lead: str, score: str, reference: int) -> None:
        super().__init__(specs, lead)
        self._score, self.objectives, self._reference = score, (Objective(score),), reference
        self._asked = Counter[str]()  # each level, about how many candidates

    @property
    def lowest(self) -> int:
        """The scores of what the first level stops are above this number."""
        return 0

    def prepare(self, space: Space) -> None:
        """Have each level score what of a reference sample passes those before it."""
        sample = reference_sample(space, self._context, self._reference)
        self._gates: list[Gate] = []
        for level in self._levels[:-1]:
            found = dict(self.ask_sample(level.member, sample, level.rung))
            values = {
                genome: _value(self._evaluators[level.member], outcome)
                for genome, outcome in found.items()
                if not isinstance(outcome, Failure)
            }
            if not values:
                first = found[sample[0]]
                assert isinstance(first, Failure)
                raise EvaluatorError(
                    f"{self._specs[level.member]} fails for the whole reference sample: "
                    f"{first.reason}"
                )
            sample = [genome for genome in sample if genome in values]
            gate = Gate.of([values[genome] for genome in sample], level.share)
            self._gates.append(gate)
            sample = [genome for genome in sample if values[genome] >= gate.threshold]

    def decide(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Level by level: those that it stops, and last those that passed all."""
        known: dict[int, dict[str, float]] = {position: {} for position in range(len(genomes))}
        for number, (level, gate) in enumerate(zip(self._levels, self._gates, strict=False)):
            passing = {}
            for position, outcome in self._ask(level, genomes, known):
                if isinstance(outcome, Failure):
                    yield position, outcome
                    continue
                metrics = {f"{level.name}_{key}": value for key, value in outcome.items()}
                metrics |= known[position]
                value = _value(self._evaluators[level.member], outcome)
                if value >= gate.threshold:
                    passing[position] = metrics
                else:
                    score = self.lowest + number + gate.place(value)
                    yield position, {**metrics, self._score: score, "passed": float(number)}
            known = passing
        for position, outcome in self._ask(self._levels[-1], genomes, known):
            yield position, self._confirmed(outcome, known[position])

    def _ask(
        self, level: Level, genomes: Sequence[Genome], positions: Mapping[int, object]
    ) -> Iterator[tuple[int, Outcome]]:
        for answer in self.ask(level.member, genomes, sorted(positions), level.rung):
            self._asked[level.name] += 1
            yield answer

    def _confirmed(self, outcome: Outcome, known: Mapping[str, float]) -> Outcome:
        """What the last level says of a candidate, of whom the others said what is known."""
        if isinstance(outcome, Failure):
            return outcome
        spec, goal = self._specs[self._levels[-1].member], self._lead.objectives[0]
        if not self._lead.accepts(outcome):  # a cascade itself, whose metric is "passed" as well
            return Failure(f"{spec} filtered it out")
        value = outcome[goal.name]
        if value < 0:
            return Failure(
                f"{spec} returned {goal.name} = {value}; the last level of a {self._score} returns "
                "no less than 0"
            )
        passed, worth = float(len(self._gates)), value if goal.maximise else 1 / (1 + value)
        return {**outcome, **known, self._score: self.lowest + passed + worth, "passed": passed}

    def close(self) -> None:
        if self._asked:
            first, *others = self._levels
            asked = self._asked[first.name]
            said = f"{self._score}: {self.called(first)} scored {asked:,} candidates"
            for level in others:
                count = self._asked[level.name]
                said += f", {self.called(level)} {count:,} ({count / asked if asked else 0.0:.0%})"
                asked = count
            self._context.progress.say(said)
        super().close()

    def called(self, level: Level) -> str:
        """What people know a level by."""
        return self._specs[level.member]


def _value(evaluator: Evaluator, metrics: Mapping[str, float]) -> float:
    """The evaluator's score, the more the better."""
    goal = evaluator.objectives[0]
    return goal.sign * metrics[goal.name]
