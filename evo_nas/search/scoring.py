"""Scoring a generation: what the store already has is replayed, the rest evaluated and recorded.

Candidates that fail are counted: too many of them end a run, and why they did is said.

Why: docs/decisions/002-resume-by-replay.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from evo_nas.core.plugins.blame import blamed
from evo_nas.errors import EvaluatorError, RunError, to_keep
from evo_nas.evaluation.dispatch import AtWork
from evo_nas.evaluation.evaluator import Answer, EvaluationContext, Evaluator, Failure, Outcome
from evo_nas.evaluation.rungs import Rung
from evo_nas.search.promises.costs import TrueCosts
from evo_nas.search.promises.failures import Failures
from evo_nas.search.store.earlier import bring_back
from evo_nas.search.store.store import Evaluation, Store
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import IMPORTED, Proposal, Scored, rank
from evo_nas.training.ledger import Ledger

from .course.audience import Audience


@dataclass
class Scorer:
    """One evaluator at work on one stage's ``space``; it is opened when it is first needed.

    ``phase`` is "search" or "finalists"; ``opening`` names what opening it is in the account of
    time (a supernet trains then). ``total`` candidates are to be scored, of which the share
    ``failures`` may fail; ``then`` says what to do when more did. In a worker process, a candidate
    may take ``time_limit`` seconds; 0 is any time. With ``costs`` the network of the best of each
    generation is counted whole once it is scored, that of a finalist before. Of some genomes
    metrics are ``known``. ``examine`` says why a full genome that was scored fails all the same, if
    it does; ``watch`` raises an error where scores that come now are not to be kept. ``cuts`` says
    of a generation, by its number, how many of it are scored and whether each is accepted, that the
    rest is not to be. The ``audience`` hears what is recorded.
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
    costs: TrueCosts | None = None
    known: Mapping[Genome, Mapping[str, float]] = field(default_factory=dict)
    examine: Callable[[Genome], str | None] | None = None
    watch: Callable[[], None] = lambda: None
    cuts: Callable[[int, int, Iterable[bool]], bool] = lambda *_: False
    audience: Audience = field(default_factory=Audience)
    _work: AtWork | None = field(default=None, init=False)
    _scored: int = field(default=0, init=False)
    _proposed: int = field(default=0, init=False)  # in earlier generations

    def __post_init__(self) -> None:
        self._what = f"{self.stage} {self.phase}"
        self._failures = Failures(self._what, self.failures, self.then)

    def score(
        self, generation: int, proposals: Sequence[Proposal], rung: Rung | None = None
    ) -> list[Evaluation | None]:
        """The evaluations of a generation, in the order of proposals, at a ``rung`` if given.

        None of a candidate that is not to be scored any more.
        """
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
        self._scored += len(recorded)
        fresh = [i for i in range(len(proposals)) if i not in recorded]
        missing = self._answer(generation, proposals, fresh, recorded, rung)
        if missing and not self._cut(generation, recorded):
            self.audience.work(self.phase)
            work, last = self._open(), time.perf_counter()
            self.context.progress.start(self._what, self.total, "candidates")
            genomes = [proposals[i].genome for i in missing]
            with self._accounted(self.phase), closing(work.answers(genomes, rung)) as arriving:
                for index, answer in arriving:
                    self.watch()
                    now, i = time.perf_counter(), missing[index]
                    recorded[i] = self._record(generation, i, proposals[i], answer, now - last)
                    self._count(self._proposed + i, recorded[i])
                    if self._cut(generation, recorded):
                        break
                    last = time.perf_counter()
        # What was replayed was counted, too, unless the run was stopped before.
        later = () if fresh else self.store.evaluations(self.stage, self.phase, generation + 1)
        if not later:
            self._count_best(recorded)
        self._proposed += len(proposals)
        return [recorded.get(i) for i in range(len(proposals))]

    def _full(self, proposal: Proposal) -> Proposal:
        """The proposal with full genomes."""
        parents = tuple(self.space.lift(parent) for parent in proposal.parents)
        return Proposal(self.space.lift(proposal.genome), proposal.origin, parents)

    def _cut(self, generation: int, recorded: Mapping[int, Evaluation]) -> bool:
        return self.cuts(generation, len(recorded), map(self.accepts, recorded.values()))

    def accepts(self, evaluation: Evaluation) -> bool:
        """Whether it may be a finalist, or be delivered: it was scored, and not filtered out."""
        if evaluation.failure is not None:
            return False
        with blamed("evaluator", str(getattr(self.evaluator, "spec", "")), "accepts"):
            return self.evaluator.accepts(evaluation.metrics)

    def _count(self, number: int, evaluation: Evaluation) -> None:
        self._failures.add(number, evaluation.failure, self.accepts(evaluation))

    def _answer(
        self,
        generation: int,
        proposals: Sequence[Proposal],
        fresh: Sequence[int],
        recorded: dict[int, Evaluation],
        rung: Rung | None,
    ) -> list[int]:
        """Record of whom is known without work what comes out; the positions of the others."""
        if self.phase == "finalists":  # those that were judged before the run was made longer
            full = {i: self._full(proposals[i]) for i in fresh}
            back = bring_back(self.store, self.stage, self.phase, generation, full, rung)
            recorded |= {one.position: one for one in back}
            self._scored += len(back)
        for i in fresh:
            if i not in recorded and (outcome := self._known(proposals[i])) is not None:
                origin = proposals[i].origin if isinstance(outcome, Failure) else IMPORTED
                proposal = replace(proposals[i], origin=origin)
                answer = Answer(outcome, Ledger(), ())
                recorded[i] = self._record(generation, i, proposal, answer, 0.0)
            if i in recorded:
                self._count(self._proposed + i, recorded[i])
        return [i for i in fresh if i not in recorded]

    def _known(self, proposal: Proposal) -> Outcome | None:
        """Its metrics, or why it cannot be a finalist."""
        if self.phase != "finalists":
            return self.known.get(proposal.genome)
        broken = self.costs and self.costs.broken(self.space.lift(proposal.genome))
        return Failure(broken) if broken else None

    def _count_best(self, generation: dict[int, Evaluation]) -> None:
        """Count the best network whole; where it breaks a limit it fails, and the next is best."""
        objectives = self.evaluator.objectives
        places = {e.genome: position for position, e in generation.items()}
        while self.costs is not None:
            scored = [
                Scored(e.genome, e.flops, e.metrics) for e in generation.values() if self.accepts(e)
            ]
            best = rank(scored, objectives)[:1]
            if not best:
                return
            position = places[best[0].genome]
            before = generation[position]
            now = generation[position] = self.costs.corrected(before)
            if now != before:
                score = now.metrics.get(objectives[0].name)
                self.store.add(now, self.space.root, score, again=True)
                self.audience.evaluated(now)
            if now.failure is None:
                self._note_costs(now)
                return
            self._failures.add_late(now.failure)
            self._say(position, now.failure)

    def _note_costs(self, best: Evaluation) -> None:
        """Say and keep that a network costs something else than its space says."""
        line = self.costs and self.costs.note(best.genome)
        if line:
            self.store.add_notes(self._what, [line])
            self.context.progress.say(line)

    def require(self, accepted: Sequence[Scored]) -> None:
        """Raise an EvaluatorError if no candidate was accepted."""
        if not accepted:
            self._failures.end()

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
        """Evaluate a genome once more, for what that leaves; nothing is recorded."""
        with self._accounted(self.phase):
            ((_, answer),) = self._open().answers([genome])
        self.store.add_notes(self._what, answer.notes)
        outcome = answer.outcome
        if isinstance(outcome, Failure):
            raise EvaluatorError(f"the best network cannot be evaluated again: {outcome.reason}")
        full, kept = self.space.lift(genome), self.store.evaluations(self.stage, self.phase)
        before = {each.genome: each.metrics for each in kept}[full]  # at its last rung
        if any(before.get(name) != value for name, value in outcome.items()):
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
        full = self._full(proposal)
        genome = full.genome
        counted = self.costs if self.phase == "finalists" else None
        costs = counted.of(genome) if counted else self.space.root.costs(genome)
        outcome = answer.outcome
        if self.examine and not isinstance(outcome, Failure) and (why := self.examine(genome)):
            outcome = Failure(why)
        failure = to_keep(outcome.reason) if isinstance(outcome, Failure) else None
        metrics = {} if isinstance(outcome, Failure) else outcome
        evaluation = Evaluation(
            stage=self.stage, phase=self.phase, generation=generation, position=position,
            genome=genome, flops=costs["flops"], params=costs["params"], metrics=metrics,
            origin=proposal.origin, parents=full.parents, seconds=seconds, images=answer.images,
            failure=failure,
        )  # fmt: skip
        first = self.evaluator.objectives[0].name
        self.store.add(evaluation, self.space.root, metrics.get(first), answer.notes)
        self._scored += 1
        if failure is not None:
            self._say(position, failure)
        self.context.progress.advance(self._scored)
        self.audience.evaluated(evaluation)
        return evaluation

    def _say(self, position: int, failure: str) -> None:
        """Say that a candidate of this generation failed."""
        if line := self._failures.line(self._proposed + position, failure):
            self.context.progress.say(line)
