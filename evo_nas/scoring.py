"""Scoring a generation: what the store already has is replayed, the rest evaluated and recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from .errors import EvaluatorError, EvoNasError, RunError
from .evaluator import EvaluationContext, Evaluator, check_metrics
from .measuring import Ledger
from .space import Genome, Space
from .store import Evaluation, Store
from .strategy import Proposal


@dataclass
class Scorer:
    """One evaluator at work on one stage's ``space``; it is opened when it is first needed.

    ``phase`` is "search" or "finalists"; ``opening`` names what opening it is in the account of
    time (a supernet trains then). ``total`` candidates are to be scored.
    """

    evaluator: Evaluator
    space: Space
    context: EvaluationContext
    store: Store
    stage: str
    phase: str
    opening: str
    total: int
    _opened: bool = field(default=False, init=False)
    _scored: int = field(default=0, init=False)
    # What the store had when this began, by generation and position, until it is replayed.
    _recorded: dict[tuple[int, int], Evaluation] | None = field(default=None, init=False)

    def score(self, generation: int, proposals: Sequence[Proposal]) -> list[Evaluation]:
        """The evaluations of a generation, in the order of its proposals.

        Raises:
            RunError: the store holds other candidates than were proposed now.
            EvaluatorError: the evaluator failed or broke its contract.
        """
        if self._recorded is None:
            self._recorded = {
                (e.generation, e.position): e
                for e in self.store.evaluations(self.stage, self.phase)
            }
        recorded = {
            position: self._recorded.pop((generation, position))
            for position in range(len(proposals))
            if (generation, position) in self._recorded
        }
        for position, evaluation in recorded.items():
            if self.space.lift(proposals[position].genome) != evaluation.genome:
                raise RunError(
                    f"{self.store.path} holds another candidate at {self.stage}, generation "
                    f"{generation}, position {position} than a replay proposes; the run was made "
                    "with another version or plug-in, resume it with those"
                )
        missing = [i for i in range(len(proposals)) if i not in recorded]
        self._scored += len(recorded)
        if missing:
            self._open()
            what = f"{self.stage} {self.phase}"
            self.context.progress.start(what, self.total, "candidates")
            recorded |= self._evaluate(generation, proposals, missing)
        return [recorded[i] for i in range(len(proposals))]

    def weights(self, genome: Genome) -> Path | None:
        """The stand-alone weights that the evaluator kept of an evaluated genome, if it did."""
        self._open()
        return self.evaluator.weights(genome)

    def initial_weights(self, genome: Genome) -> Mapping[str, Tensor]:
        """The shared weights that a genome's network can start from."""
        self._open()
        return self.evaluator.initial_weights(genome)

    def close(self) -> None:
        """Release the evaluator."""
        if self._opened:
            self.evaluator.close()

    def _open(self) -> None:
        if not self._opened:
            self.context.folder.mkdir(parents=True, exist_ok=True)
            before = replace(self.context.ledger)
            with self._accounted(self.opening):
                self.evaluator.open(self.space, self.context)
            self._opened = True  # only then: what Ctrl-C stopped half-way cannot be closed
            images = self.context.ledger - before
            self.store.spend(self.stage, self.opening, 0, images)

    @contextmanager
    def _accounted(self, phase: str) -> Iterator[None]:
        """Write down the time of the evaluator's work, and explain what it raises."""
        began = time.perf_counter()
        try:
            yield
        except EvoNasError:
            raise
        except Exception as error:  # a plug-in may fail in any way
            raise EvaluatorError(
                f"evaluator {type(self.evaluator).__name__} failed: {type(error).__name__}: {error}"
            ) from error
        finally:
            self.store.spend(self.stage, phase, time.perf_counter() - began)
            self.store.add_notes(f"{self.stage} {self.phase}", self.context.notes)

    def _evaluate(
        self, generation: int, proposals: Sequence[Proposal], missing: Sequence[int]
    ) -> dict[int, Evaluation]:
        evaluated: dict[int, Evaluation] = {}
        genomes = [proposals[i].genome for i in missing]
        last, before = time.perf_counter(), replace(self.context.ledger)
        with self._accounted(self.phase):
            for index, metrics in self.evaluator.evaluate_many(genomes):
                checked = check_metrics(metrics, self.evaluator.objectives)
                now = time.perf_counter()
                if index not in range(len(missing)) or missing[index] in evaluated:
                    raise EvaluatorError(
                        f"evaluator {type(self.evaluator).__name__} returned candidate {index!r} "
                        f"of {len(missing)}, which was not asked or has been returned before"
                    )
                position, images = missing[index], self.context.ledger - before
                evaluated[position] = self._record(
                    generation, position, proposals[position], checked, now - last, images
                )
                last, before = now, replace(self.context.ledger)
        if len(evaluated) < len(missing):
            raise EvaluatorError(
                f"evaluator {type(self.evaluator).__name__} returned {len(evaluated)} of "
                f"{len(missing)} candidates"
            )
        return evaluated

    def _record(
        self,
        generation: int,
        position: int,
        proposal: Proposal,
        metrics: dict[str, float],
        seconds: float,
        images: Ledger,
    ) -> Evaluation:
        genome = self.space.lift(proposal.genome)
        costs = self.space.root.costs(genome)
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
            images=images,
        )
        score = metrics[self.evaluator.objectives[0].name]
        self.store.add(evaluation, self.space.root, score)
        self._scored += 1
        self.context.progress.advance(self._scored)
        return evaluation
