"""Scoring a generation: what the store already has is replayed, the rest evaluated and recorded.

Candidates that fail are counted: too many of them end a run, and why they did is said.

Why: docs/decisions/002-resume-by-replay.md.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from evo_nas.core.plugins.blame import blamed
from evo_nas.errors import EvaluatorError, RunError, in_short, to_keep
from evo_nas.evaluation.dispatch import AtWork
from evo_nas.evaluation.evaluator import Answer, EvaluationContext, Evaluator, Failure
from evo_nas.search.store.store import Evaluation, Store
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal

_FEWEST = 10  # candidates before a share of them says anything
_MOST_SAID = 5


def most_frequent(reasons: Iterable[str], most: int = 3) -> list[tuple[str, int]]:
    """The most frequent reasons and how often each was given; of equal ones the first."""
    return Counter(reasons).most_common(most)


class Failures:
    """Counts the candidates of one phase, ``what``, in the order in which they were proposed.

    However they arrive: whether too many fail does not depend on how many processes evaluate them.
    The ``share`` of them may fail, where those that were filtered out do not count; ``then`` says
    what to do once more have.
    """

    def __init__(self, what: str, share: float, then: str) -> None:
        self._what, self._share, self._then = what, share, then
        self._waiting: dict[int, tuple[str | None, bool]] = {}
        self._candidates = self._judged = self._failed = 0
        self._last = ""
        self._said: set[str] = set()

    def add(self, number: int, failure: str | None, accepted: bool = True) -> None:
        """Count the candidate of this number, from 0; None where it was scored.

        One that is not ``accepted`` though it was scored has been filtered out.

        Raises:
            EvaluatorError: too large a share of ten candidates or more failed.
        """
        self._waiting[number] = failure, accepted
        while self._candidates in self._waiting:
            reason, passed = self._waiting.pop(self._candidates)
            self._candidates += 1
            self._judged += passed or reason is not None
            if reason is None:
                continue
            self._failed += 1
            self._last = reason
            if self._judged >= _FEWEST and self._failed > self._share * self._judged:
                self._stop(f"more than the share of {self._share:g} that --failures allows")

    def require_scores(self) -> None:
        """Raise an EvaluatorError if there were candidates and none of them was accepted."""
        if self._failed == self._judged and self._candidates > 0:
            self._stop("so there is nothing to go on with")

    def _stop(self, why: str) -> None:
        filtered = self._candidates - self._judged
        if not self._failed:
            raise EvaluatorError(
                f"{self._what}: all {filtered} candidates were filtered out, {why}; start a new "
                "run in which more of them pass"
            )
        more = f" (and {filtered} were filtered out)" if filtered else ""
        raise EvaluatorError(
            f"{self._what}: {self._failed} of {self._judged} candidates failed{more}, {why}; the "
            f"last one: {self._last.rstrip('.')}. {self._then}"
        )

    def line(self, number: int, failure: str) -> str | None:
        """What to say when the candidate of this number fails: few lines, and each reason once."""
        if failure in self._said or len(self._said) == _MOST_SAID:
            return None
        self._said.add(failure)
        more = "; further reasons are only recorded" if len(self._said) == _MOST_SAID else ""
        return f"{self._what}: candidate {number + 1} failed: {in_short(failure)}{more}"


@dataclass
class Scorer:
    """One evaluator at work on one stage's ``space``; it is opened when it is first needed.

    ``phase`` is "search" or "finalists"; ``opening`` names what opening it is in the account of
    time (a supernet trains then). ``total`` candidates are to be scored, of which the share
    ``failures`` may fail; ``then`` says what to do when more did. In a worker process, a
    candidate may take ``time_limit`` seconds; 0 is any time.
    """

    evaluator: Evaluator
    space: Space
    context: EvaluationContext
    store: Store
    stage: str
    phase: str
    opening: str
    total: int
    failures: float = 0.5
    then: str = ""
    time_limit: float = 0.0
    _work: AtWork | None = field(default=None, init=False)
    _scored: int = field(default=0, init=False)
    _proposed: int = field(default=0, init=False)  # in earlier generations

    def __post_init__(self) -> None:
        self._what = f"{self.stage} {self.phase}"
        self._failures = Failures(self._what, self.failures, self.then)

    def score(self, generation: int, proposals: Sequence[Proposal]) -> list[Evaluation]:
        """The evaluations of a generation, in the order of its proposals."""
        kept = self.store.evaluations(self.stage, self.phase, generation)
        recorded = {e.position: e for e in kept if e.position < len(proposals)}
        for position, evaluation in recorded.items():
            if self.space.lift(proposals[position].genome) != evaluation.genome:
                raise RunError(
                    f"{self.store.path} holds another candidate at {self.stage}, generation "
                    f"{generation}, position {position} than a replay proposes; the run was made "
                    "with another version or plug-in, resume it with those"
                )
            self._count(self._proposed + position, evaluation)
        missing = [i for i in range(len(proposals)) if i not in recorded]
        self._scored += len(recorded)
        if missing:
            work, last = self._open(), time.perf_counter()
            self.context.progress.start(self._what, self.total, "candidates")
            genomes = [proposals[i].genome for i in missing]
            with self._accounted(self.phase), closing(work.answers(genomes)) as arriving:
                for index, answer in arriving:
                    now, i = time.perf_counter(), missing[index]
                    recorded[i] = self._record(generation, i, proposals[i], answer, now - last)
                    self._count(self._proposed + i, recorded[i])
                    last = now
        self._proposed += len(proposals)
        return [recorded[i] for i in range(len(proposals))]

    def accepts(self, evaluation: Evaluation) -> bool:
        """Whether it may be a finalist, or be delivered: it was scored, and not filtered out."""
        if evaluation.failure is not None:
            return False
        with blamed("evaluator", str(getattr(self.evaluator, "spec", "")), "accepts"):
            return self.evaluator.accepts(evaluation.metrics)

    def _count(self, number: int, evaluation: Evaluation) -> None:
        self._failures.add(number, evaluation.failure, self.accepts(evaluation))

    def require_scores(self) -> None:
        """Raise an EvaluatorError if no candidate so far was accepted."""
        self._failures.require_scores()

    def weights(self, genome: Genome) -> Path | None:
        """The stand-alone weights that the evaluator kept of an evaluated genome, if it keeps any.

        Where they have been lost since, the genome is evaluated once more.
        """
        self._open()
        path = self.evaluator.weights(genome)
        if path is None and not self.evaluator.keeps_weights:
            return None
        if path is None or not path.exists():
            self.context.progress.say(f"{self._what}: the best network's weights are missing; anew")
            self._evaluate_again(genome)
            path = self.evaluator.weights(genome)
            if path is None or not path.exists():
                raise EvaluatorError("the evaluator kept no weights of the best network")
        return path

    def initial_weights(self, genome: Genome) -> Mapping[str, Tensor]:
        """The shared weights that a genome's network can start from."""
        self._open()
        return self.evaluator.initial_weights(genome)

    def close(self) -> None:
        """Release the evaluator, and end its workers."""
        if self._work is not None:
            self._work.close()

    def _open(self) -> AtWork:
        if self._work is None:
            with self._accounted(self.opening):  # what Ctrl-C stops half-way is never closed
                self._work = AtWork(self.evaluator, self.space, self.context, self.time_limit)
                images = replace(self.context.ledger)
            self.store.spend(self.stage, self.opening, 0, images)
        return self._work

    @contextmanager
    def _accounted(self, phase: str) -> Iterator[None]:
        """Write down the time of the evaluator's work."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.store.spend(self.stage, phase, time.perf_counter() - began)
            _, notes = self.context.take()  # what is of no answer
            self.store.add_notes(self._what, notes)

    def _evaluate_again(self, genome: Genome) -> None:
        """Evaluate a genome of the first generation for what it leaves; nothing is recorded."""
        with self._accounted(self.phase):
            ((_, answer),) = self._open().answers([genome])
        self.store.add_notes(self._what, answer.notes)
        outcome = answer.outcome
        if isinstance(outcome, Failure):
            raise EvaluatorError(f"the best network cannot be evaluated again: {outcome.reason}")
        full, kept = self.space.lift(genome), self.store.evaluations(self.stage, self.phase, 0)
        before = next(each.metrics for each in kept if each.genome == full)
        if dict(outcome) != dict(before):
            name = self.evaluator.objectives[0].name
            line = (
                "the weights of the best network were lost, and evaluated anew they are others: "
                f"{name} {outcome[name]:.4f}, and {before[name]:.4f} as it is recorded"
            )
            self.store.add_notes(self._what, [line])
            self.context.progress.say(line)

    def _record(
        self,
        generation: int,
        position: int,
        proposal: Proposal,
        answer: Answer,
        seconds: float,
    ) -> Evaluation:
        genome = self.space.lift(proposal.genome)
        costs = self.space.root.costs(genome)
        outcome = answer.outcome
        failure = to_keep(outcome.reason) if isinstance(outcome, Failure) else None
        metrics = {} if isinstance(outcome, Failure) else outcome
        evaluation = Evaluation(
            stage=self.stage,
            phase=self.phase,
            generation=generation,
            position=position,
            genome=genome,
            flops=costs["flops"],
            params=costs["params"],
            metrics=metrics,
            origin=proposal.origin,
            parents=tuple(self.space.lift(parent) for parent in proposal.parents),
            seconds=seconds,
            images=answer.images,
            failure=failure,
        )
        score = metrics.get(self.evaluator.objectives[0].name)
        self.store.add(evaluation, self.space.root, score, answer.notes)
        self._scored += 1
        number = self._proposed + position
        if failure is not None and (line := self._failures.line(number, failure)):
            self.context.progress.say(line)
        self.context.progress.advance(self._scored)
        return evaluation
