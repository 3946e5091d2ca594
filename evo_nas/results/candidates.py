"""The candidates of one stage, as the search scored them, and the finalists as they were judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.core.plugins import registry
from evo_nas.errors import counted, in_short
from evo_nas.evaluation.evaluator import Evaluator, Objective
from evo_nas.evaluation.rungs import EPOCHS
from evo_nas.search.promises.failures import most_frequent
from evo_nas.search.store.rungs import RungRecord, rungs_of
from evo_nas.search.store.store import Evaluation
from evo_nas.space.space import Genome
from evo_nas.strategies.base import BY_SCORE, Scored, pareto_front, rank

from .tables import Table, score_text

_MOST_FINALISTS = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored evaluation; ``number`` counts from 1 in the order in which a search proposed."""

    number: int
    evaluation: Evaluation
    score: float


@dataclass(frozen=True, slots=True)
class Finalist:
    """A retrained candidate; ``searched`` is the candidate as the search scored it, if it did,
    and ``rank`` its place there by score.

    Where trainings were halved, it is as its last rung left it, after so many ``epochs``.
    """

    place: int
    evaluation: Evaluation
    score: float
    searched: Candidate | None
    rank: int | None = None
    epochs: int | None = None

    @property
    def chosen_by(self) -> str:
        """What chose it to be retrained."""
        return "scores" if self.evaluation.origin == BY_SCORE else self.evaluation.origin


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage scored, of ``proposed`` candidates; ``ranked`` are these, each network once.

    Both ``ranked`` and ``finalists`` begin with the best, of these those that were trained longest.
    ``failures`` are the most frequent reasons of candidates and finalists that failed, with how
    often each was given. ``rungs`` are those of the finalists' trainings, if they were halved.
    """

    name: str
    objective: Objective
    truth: Objective
    proposed: int
    candidates: tuple[Candidate, ...]
    ranked: tuple[Candidate, ...]
    finalists: tuple[Finalist, ...]
    judged: int
    failures: tuple[tuple[str, int], ...]
    rungs: tuple[RungRecord, ...] = ()

    @property
    def shown(self) -> tuple[Finalist, ...]:
        """The finalists that a table has room for."""
        return self.finalists[:_MOST_FINALISTS]

    @property
    def by_score(self) -> bool:
        """Whether scores alone have chosen the finalists."""
        return all(each.evaluation.origin == BY_SCORE for each in self.finalists)

    @property
    def front(self) -> set[Genome]:
        """The finalists trained to the end that no better or equal one undercuts in FLOPs."""
        most = self.finalists[0].epochs if self.finalists else None
        whole = [as_scored(f.evaluation) for f in self.finalists if f.epochs == most]
        return {scored.genome for scored in pareto_front(whole, self.truth)}

    @property
    def halving(self) -> Table | None:
        """Rung by rung how the finalists that are shown did, and how many went on or failed."""
        if not self.rungs:
            return None
        known = [{e.genome: e.metrics.get(self.truth.name) for e in r.measured} for r in self.rungs]
        rows = [
            (f"{each.place}", *(score_text(of.get(each.evaluation.genome)) for of in known))
            for each in self.shown
        ]
        trained = [len(rung.measured) + len(rung.failed) for rung in self.rungs]
        counts = {"trained": trained, "failed": [len(rung.failed) for rung in self.rungs]}
        foot = [(name, *map(str, row)) for name, row in counts.items() if any(row)]
        ends = (f">{counted(rung.epochs, 'epoch')}" for rung in self.rungs)
        title = f"{self.truth.name} of finalists of {self.name}, rung by rung"
        return Table(("finalist", *ends), rows, title, foot)

    @property
    def winner(self) -> Genome | None:
        """What the stage decided on, or, before it did, its best candidate."""
        best: Sequence[Candidate | Finalist] = self.finalists or self.ranked
        return best[0].evaluation.genome if best else None


def read_stage(
    evaluations: Sequence[Evaluation], name: str, objective: Objective, truth: Objective
) -> Stage:
    """A stage whose search ranks by ``objective`` and whose finalists are ranked by ``truth``."""
    search = [e for e in evaluations if (e.stage, e.phase) == (name, "search")]
    judged = [e for e in evaluations if (e.stage, e.phase) == (name, "finalists")]
    candidates = tuple(
        Candidate(number, evaluation, evaluation.metrics[objective.name])
        for number, evaluation in enumerate(search, start=1)
        if objective.name in evaluation.metrics
    )
    searched = {c.evaluation.genome: c for c in reversed(candidates)}
    best_first = rank(map(as_scored, searched.values()), [objective])
    places = {scored.genome: place for place, scored in enumerate(best_first, start=1)}
    rungs = rungs_of(judged)
    last = {e.genome: e for e in judged}  # at its last rung
    goals = [Objective(EPOCHS), truth] if rungs else [truth]
    retrained = {g: e for g, e in last.items() if all(o.name in e.metrics for o in goals)}
    finalists = tuple(
        Finalist(
            place,
            retrained[s.genome],
            s.metrics[truth.name],
            searched.get(s.genome),
            places.get(s.genome),
            int(s.metrics[EPOCHS]) if rungs else None,
        )
        for place, s in enumerate(rank(map(as_scored, retrained.values()), goals), start=1)
    )
    return Stage(
        name,
        objective,
        truth,
        proposed=len(search),
        candidates=candidates,
        ranked=tuple(searched[scored.genome] for scored in best_first),
        finalists=finalists,
        judged=len(last),
        failures=tuple(
            (in_short(reason), number)
            for reason, number in most_frequent(
                [e.failure for e in (*search, *judged) if e.failure is not None]
            )
        ),
        rungs=tuple(rungs),
    )


def objective_of(spec: str) -> Objective:
    """What an evaluator ranks by first; raises an EvoNasError where it cannot be loaded."""
    evaluator: Evaluator = registry.load("evaluator", spec)
    return evaluator.objectives[0]


def as_scored(item: Candidate | Evaluation) -> Scored:
    """As rankings take it."""
    evaluation = item.evaluation if isinstance(item, Candidate) else item
    return Scored(evaluation.genome, evaluation.flops, evaluation.metrics)
