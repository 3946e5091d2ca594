"""The candidates of one stage: accuracy over FLOPs, the search over time, and the finalists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.budget import Budget
from evo_nas.charts import Limit, Line, Points, chart
from evo_nas.evaluator import Objective
from evo_nas.result import Result
from evo_nas.space import Genome
from evo_nas.store import Evaluation
from evo_nas.strategy import Scored, pareto_front, rank

_MOST_DOTS = 3000
_MOST_FINALISTS = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored evaluation; ``number`` counts from 1 in the order in which a search proposed."""

    number: int
    evaluation: Evaluation
    score: float


@dataclass(frozen=True, slots=True)
class Finalist:
    """A retrained candidate; ``searched`` is the candidate as the search scored it, if it did."""

    place: int
    evaluation: Evaluation
    score: float
    searched: Candidate | None


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage scored, of ``proposed`` candidates; ``ranked`` are these, each network once.

    Both ``ranked`` and ``finalists`` begin with the best.
    """

    name: str
    objective: Objective
    truth: Objective
    proposed: int
    candidates: tuple[Candidate, ...]
    ranked: tuple[Candidate, ...]
    finalists: tuple[Finalist, ...]

    @property
    def failed(self) -> int:
        """How many candidates have no score."""
        return self.proposed - len(self.candidates)

    @property
    def best(self) -> Candidate | None:
        """The best candidate, as the search ranks them."""
        return self.ranked[0] if self.candidates else None

    @property
    def shown(self) -> tuple[Finalist, ...]:
        """The finalists that a table has room for."""
        return self.finalists[:_MOST_FINALISTS]

    @property
    def winner(self) -> Genome | None:
        """What the stage decided on, or, before it did, its best candidate."""
        if self.finalists:
            return self.finalists[0].evaluation.genome
        return self.best.evaluation.genome if self.best else None


def read_stage(result: Result, name: str, objective: Objective, truth: Objective) -> Stage:
    """A stage whose search ranks by ``objective`` and whose finalists are ranked by ``truth``."""
    search = result.of(name, "search")
    candidates = tuple(
        Candidate(number, evaluation, evaluation.metrics[objective.name])
        for number, evaluation in enumerate(search, start=1)
        if objective.name in evaluation.metrics
    )
    searched = {c.evaluation.genome: c for c in reversed(candidates)}
    best_first = rank(map(_scored, searched.values()), [objective])
    retrained = {e.genome: e for e in result.of(name, "finalists") if truth.name in e.metrics}
    ranked = rank(map(_scored, retrained.values()), [truth])
    finalists = tuple(
        Finalist(place, retrained[s.genome], s.metrics[truth.name], searched.get(s.genome))
        for place, s in enumerate(ranked, start=1)
    )
    return Stage(
        name,
        objective,
        truth,
        proposed=len(search),
        candidates=candidates,
        ranked=tuple(searched[scored.genome] for scored in best_first),
        finalists=finalists,
    )


def _scored(item: Candidate | Evaluation) -> Scored:
    evaluation = item.evaluation if isinstance(item, Candidate) else item
    return Scored(evaluation.genome, evaluation.flops, evaluation.metrics)


# -- charts --------------------------------------------------------------------------------------


def flops_chart(stage: Stage, budget: Budget) -> str:
    """Score over FLOPs: all candidates, the best at each cost, the finalists and the winner.

    Where nothing was scored before retraining, the finalists' own scores.
    """
    title = f"{stage.name}: {stage.objective.name} against FLOPs"
    limits = [Limit("budget" if not budget.low else "upper limit", budget.high)]
    if budget.low:
        limits.append(Limit("lower limit", budget.low))
    if not stage.candidates:
        groups = (("finalist", stage.finalists[1:]), ("best finalist", stage.finalists[:1]))
        judged: list[Points | Line] = [
            _marks(name, [(f.evaluation.flops, f.score, _told(f)) for f in group])
            for name, group in groups
            if group
        ]
        return chart(judged, title=title, x_label=_FLOPS, y_label=stage.truth.name, limits=limits)
    dots = _thinned(stage.candidates)
    front = pareto_front([_scored(c) for c in stage.ranked], stage.objective)[::-1]
    series: list[Points | Line] = [
        Points("candidate", [c.evaluation.flops for c in dots], [c.score for c in dots], dots=True),
    ]
    marked = [f for f in stage.finalists if f.searched]
    best = [f for f in marked if f.place == 1]
    for name, group in (("finalist", marked[len(best) :]), ("best finalist", best)):
        rows = [(f.evaluation.flops, f.searched.score, _told(f)) for f in group if f.searched]
        if rows:
            series.append(_marks(name, rows))
    heights = [scored.metrics[stage.objective.name] for scored in front]
    series.append(Line("best for its FLOPs", [scored.flops for scored in front], heights))
    return chart(
        series,
        title=title,
        x_label=_FLOPS,
        y_label=f"{stage.objective.name} in the search",
        limits=limits,
    )


_FLOPS = "FLOPs at the target (multiply-accumulates)"


def _marks(name: str, rows: Sequence[tuple[int, float, str]]) -> Points:
    return Points(
        name, [x for x, _, _ in rows], [y for _, y, _ in rows], notes=[n for _, _, n in rows]
    )


def _told(finalist: Finalist) -> str:
    told = f"finalist {finalist.place}: {finalist.score:.4f} as a finalist"
    if finalist.searched:
        told += (
            f", {finalist.searched.score:.4f} in the search (candidate {finalist.searched.number})"
        )
    return f"{told}, {finalist.evaluation.flops:,} FLOPs"


def time_chart(stage: Stage) -> str:
    """Each candidate by its number, and the best so far."""
    dots = _thinned(stage.candidates)
    best: list[tuple[int, float]] = []
    for candidate in stage.candidates:
        if not best or _better(candidate.score, best[-1][1], stage.objective):
            best.append((candidate.number, candidate.score))
    best.append((stage.candidates[-1].number, best[-1][1]))
    return chart(
        [
            Points("candidate", [c.number for c in dots], [c.score for c in dots], dots=True),
            Line("best so far", [x for x, _ in best], [y for _, y in best]),
        ],
        title=f"{stage.name}: the search over time",
        x_label="candidate, in the order proposed",
        y_label=f"{stage.objective.name} in the search",
    )


def _better(value: float, than: float, objective: Objective) -> bool:
    return value > than if objective.maximise else value < than


def _thinned(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """So many of them, evenly spaced, as a drawing can hold."""
    return candidates[:: -(-len(candidates) // _MOST_DOTS)]
