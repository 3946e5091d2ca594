"""Scores candidates in two steps: a cheap evaluator filters, a better one confirms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evo_nas.errors import EvaluatorError, SettingsError, SpecError
from evo_nas.evaluator import EvaluationContext, Failure, Objective, Outcome
from evo_nas.outcomes import metrics_of, outcomes
from evo_nas.reference import Standing, reference_sample
from evo_nas.space import Genome, Space

from .pair import Pair


class CascadeEvaluator(Pair):
    """Asks ``second`` only about what ``first`` likes, as
    ``cascade?first=zero_cost?scores=naswot&second=supernet&share=0.25``.

    In the specs of both, ``&``, ``%`` and ``+`` are written as in a web address, ``%26``, ``%25``
    and ``%2B``: ``first=zero_cost?scores=naswot%26images=8&second=supernet``.

    What passes must not depend on who else is in a generation. So there is a threshold: when the
    cascade is opened, ``first`` scores a reference sample, drawn from the prior of what the budget
    admits, and candidates pass who are at least as good as its best ``share``. As a search finds
    better candidates than chance does, more of them pass.

    The objective ``cascade`` is, for candidates that passed, what ``second`` says (which must be no
    less than 0, and better the more it is, as an accuracy is). For the others it is below 0: their
    place in the reference sample (:class:`evo_nas.reference.Standing`) less 1, so that they come
    after all that passed, and a search that has found none yet is led by ``first``.

    A candidate that either of them fails has failed; of the reference sample such ones are left
    out. All metrics of both are recorded, those of ``first`` under ``first_...``, and
    ``confirmed``, 1 for candidates that passed, else 0. How many did is said at the end.

    Args:
        first: the spec of the cheap evaluator.
        second: the spec of the better one.
        share: of the reference sample, from 0 to 1, the part that passes.
        reference: the size of the reference sample.
    """

    objectives = (Objective("cascade"),)

    def __init__(
        self, *, first: str, second: str, share: float = 0.25, reference: int = 64
    ) -> None:
        if type(share) not in (int, float) or not 0 < share < 1:
            raise SettingsError(f"share={share!r} must lie between 0 and 1")
        if type(reference) is not int or reference < 2:
            raise SettingsError(f"reference={reference!r} must be a whole number, 2 or more")
        super().__init__(first, second)
        self.lead_by(self._second)
        self._share, self._reference = share, reference
        goal = self._second.objectives[0]
        if not goal.maximise:
            raise SpecError(
                f"second={second} minimises {goal.name}; the second evaluator of a cascade has an "
                "objective that is better the more it is, such as an accuracy"
            )
        self._asked = self._passed = 0

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Open both, and find the threshold."""
        self._context = context
        super().open(space, context)
        sample = reference_sample(space, context, self._reference)
        different = list(dict.fromkeys(sample))
        values: dict[Genome, float] = {}
        for position, outcome in outcomes(self._first, different):
            if isinstance(outcome, Failure):
                reason = outcome.reason
            else:
                values[different[position]] = self._cheap(outcome)
        if not values:
            raise EvaluatorError(f"{self._specs[0]} fails the whole reference sample: {reason}")
        scores = [values[genome] for genome in sample if genome in values]
        self._standing = Standing(scores)
        passing = max(round(self._share * len(scores)), 1)
        self._threshold = sorted(scores, reverse=True)[passing - 1]

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """The scores of a generation of one."""
        return metrics_of(self, genome)

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """First those that are filtered out, then the others, all together."""
        passed: dict[int, dict[str, float]] = {}
        for position, metrics in outcomes(self._first, genomes):
            self._asked += 1
            if isinstance(metrics, Failure):
                yield position, metrics
                continue
            value = self._cheap(metrics)
            known = {f"first_{name}": number for name, number in metrics.items()}
            if value >= self._threshold:
                passed[position] = known
            else:
                below = self._standing.place(value) - 1
                yield position, {"cascade": below, "confirmed": 0.0, **known}
        positions = list(passed)
        for index, metrics in outcomes(self._second, [genomes[i] for i in positions]):
            self._passed += 1
            position = positions[index]
            yield position, self._confirmed(metrics, passed[position])

    def close(self) -> None:
        """Say how many candidates passed, and release both."""
        first, second = self._specs
        if self._asked:
            self._context.progress.say(
                f"cascade: {first} scored {self._asked:,} candidates, {second} {self._passed:,} "
                f"({self._passed / self._asked:.0%})"
            )
        super().close()

    def _cheap(self, metrics: Mapping[str, float]) -> float:
        """The first evaluator's score, the more the better."""
        goal = self._first.objectives[0]
        return metrics[goal.name] if goal.maximise else -metrics[goal.name]

    def _confirmed(self, outcome: Outcome, known: Mapping[str, float]) -> Outcome:
        """What the second evaluator says of a candidate, of whom the first said what is known."""
        if isinstance(outcome, Failure):
            return outcome
        goal = self._second.objectives[0].name
        if outcome[goal] < 0:
            return Failure(
                f"{self._specs[1]} returned {goal} = {outcome[goal]}; the second evaluator of a "
                "cascade returns no less than 0"
            )
        return {**outcome, **known, "cascade": outcome[goal], "confirmed": 1.0}
