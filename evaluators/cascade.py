"""Scores candidates in levels: cheap evaluators filter by a reference sample, the last confirms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, prod
from typing import Annotated, NamedTuple

from evo_nas.core.plugins.options import Spec, at_least
from evo_nas.errors import EvaluatorError, SettingsError
from evo_nas.evaluation.evaluator import Evaluator, Failure, Objective, Outcome
from evo_nas.evaluation.reference import Standing, reference_sample
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


def level_shares(option: float | str, count: int) -> list[float]:
    """The numbers of the option ``shares``, as many as there are levels before the last."""
    try:
        shares = [float(share) for share in str(option).split(",")]
    except ValueError:
        shares = []
    if len(shares) == 1:
        shares *= count
    if len(shares) != count or not all(0 < share < 1 for share in shares):
        raise SettingsError(
            f"shares={option} must be numbers between 0 and 1, one for each of the {count} levels "
            "before the last, with commas between, or one for all"
        )
    return shares


class CascadeEvaluator(Composite):
    """Asks each level only about what those before it like, as
    ``cascade?levels=zero_cost?scores=params;zero_cost;supernet&shares=0.5,0.2``.

    In the specs of levels ``&``, ``%`` and ``+`` are written as in a web address, ``%26``, ``%25``
    and ``%2B``, and ``;`` as ``%253B``: ``levels=zero_cost?scores=naswot%26images=8;supernet``.

    What passes must not depend on who else is in a generation. So each level but the last has a
    threshold: when the cascade is opened, the first level scores a reference sample, drawn from the
    prior of what the budget admits, the second scores what passes of it, and so on. Candidates pass
    a level that are at least as good as the best ``share`` of what came to it. As a search finds
    better candidates than chance does, more of them pass.

    The objective ``cascade`` is, for candidates that passed all, what the last level says, which
    must be no less than 0, or 1 / (1 + it) where less is better. The others are below 0:
    those that the level before the last stopped between -1 and 0, by their place in its reference
    sample (:class:`evo_nas.evaluation.reference.Standing`); those that the level before that
    stopped between -2 and -1, and so on. So who passed more levels ranks higher, and a search that
    has found nothing yet is led by the level that it has reached.

    Only what passed all may be retrained and delivered. Where nothing did, the run ends with an
    error that says how many were stopped, and how many failed.

    A candidate that a level fails for has failed; of the reference sample such ones are left out.
    All metrics are recorded, those of levels before the last under ``level1_...``, ``level2_...``,
    and ``passed``, the number of levels passed. How many each level scored is said at the end.

    Args:
        levels: specs of two evaluators or more, the cheapest first, with semicolons between.
        shares: for each level but the last the part that passes, from 0 to 1, with commas between;
            a single one is for all.
        reference: the size of the reference sample.
    """

    objectives = (Objective("cascade"),)

    def __init__(
        self,
        *,
        levels: Annotated[str, Spec("evaluator", several=True)],
        shares: float | str = 0.25,
        reference: Annotated[int, at_least(2)] = 64,
    ) -> None:
        specs = levels.split(";")
        if len(specs) < 2:
            raise SettingsError(f"levels={levels} must be two evaluators or more, as A;B;C")
        self._shares = level_shares(shares, len(specs) - 1)
        if reference * prod(self._shares[:-1]) < 2:
            raise SettingsError(
                f"reference={reference} with shares={shares} leaves fewer than 2 to level "
                f"{len(specs) - 1}; make it larger, or the shares"
            )
        names = [f"level{number}" for number in range(1, len(specs) + 1)]
        super().__init__(dict(zip(names, specs, strict=True)), lead=names[-1])
        *self._filters, (self._last_name, self._last) = self._evaluators.items()
        self._reference = reference

    def prepare(self, space: Space) -> None:
        """Have each level score what of a reference sample passes those before it."""
        sample = reference_sample(space, self._context, self._reference)
        self._gates: list[Gate] = []
        for (name, evaluator), share in zip(self._filters, self._shares, strict=True):
            found = dict(self.ask_sample(name, sample))
            values = {
                genome: _value(evaluator, outcome)
                for genome, outcome in found.items()
                if not isinstance(outcome, Failure)
            }
            if not values:
                first = found[sample[0]]
                assert isinstance(first, Failure)
                raise EvaluatorError(
                    f"{self._specs[name]} fails for the whole reference sample: {first.reason}"
                )
            sample = [genome for genome in sample if genome in values]
            gate = Gate.of([values[genome] for genome in sample], share)
            self._gates.append(gate)
            sample = [genome for genome in sample if values[genome] >= gate.threshold]

    def decide(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Level by level: those that it stops, and last those that passed all."""
        known: dict[int, dict[str, float]] = {position: {} for position in range(len(genomes))}
        for number, (name, evaluator) in enumerate(self._filters):
            gate, passing = self._gates[number], {}
            for position, outcome in self.ask(name, genomes, sorted(known)):
                if isinstance(outcome, Failure):
                    yield position, outcome
                    continue
                metrics = {f"{name}_{key}": value for key, value in outcome.items()}
                metrics |= known[position]
                value = _value(evaluator, outcome)
                if value >= gate.threshold:
                    passing[position] = metrics
                else:
                    score = number - len(self._filters) + gate.place(value)
                    yield position, {**metrics, "cascade": score, "passed": float(number)}
            known = passing
        for position, outcome in self.ask(self._last_name, genomes, sorted(known)):
            yield position, self._confirmed(outcome, known[position])

    def accepts(self, metrics: Mapping[str, float]) -> bool:
        """What passed all levels: the others have places among what was stopped, no score."""
        return metrics.get("passed") == len(self._filters)

    def close(self) -> None:
        first, *others = self._specs
        if asked := self._asked[first]:
            said = f"cascade: {self._specs[first]} scored {asked:,} candidates"
            for name in others:
                count = self._asked[name]
                share = count / asked if asked else 0.0
                said += f", {self._specs[name]} {count:,} ({share:.0%})"
                asked = count
            self._context.progress.say(said)
        super().close()

    def _confirmed(self, outcome: Outcome, known: Mapping[str, float]) -> Outcome:
        """What the last level says of a candidate, of whom the others said what is known."""
        if isinstance(outcome, Failure):
            return outcome
        if not self._last.accepts(outcome):  # a cascade itself, whose metric is "passed" as well
            return Failure(f"{self._specs[self._last_name]} filtered it out")
        goal = self._last.objectives[0]
        value = outcome[goal.name]
        if value < 0:
            return Failure(
                f"{self._specs[self._last_name]} returned {goal.name} = {value}; the last level of "
                "a cascade returns no less than 0"
            )
        score = value if goal.maximise else 1 / (1 + value)
        return {**outcome, **known, "cascade": score, "passed": float(len(self._filters))}


def _value(evaluator: Evaluator, metrics: Mapping[str, float]) -> float:
    """The evaluator's score, the more the better."""
    goal = evaluator.objectives[0]
    return metrics[goal.name] if goal.maximise else -metrics[goal.name]
