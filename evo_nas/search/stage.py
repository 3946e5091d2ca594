"""The search of one stage, and the retraining of its finalists.

Why: docs/decisions/021-bounded-memory.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from evo_nas.core.progress import Progress
from evo_nas.core.streams import Streams
from evo_nas.evaluation.evaluator import Objective
from evo_nas.evaluation.rungs import EPOCHS, ladder
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import UNLIMITED, format_amount
from evo_nas.sampling.sampler import Sampler
from evo_nas.sampling.several import feasible_within
from evo_nas.search.store.rows import Evaluation, Why
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal, Scored, StagePlan, Strategy, rank
from evo_nas.strategies.checks import findings_of, generations, tell
from evo_nas.strategies.settings import Settings

from .course.ending import StageEnd
from .scoring import Scorer

_RESERVE = 20  # candidates that are kept for finalists which turn out to break a limit


def stage_feasible(
    root: Space, stage: StagePlan, limits: Limits, decided: Genome | None = None
) -> Feasible:
    """What is legal in a stage, given the full genome that earlier stages ``decided``.

    By its own cost if the stage is final, else by some completion's.
    """
    space = root if stage.level is None else root.stage(stage.level, decided)
    found = feasible_within(space, limits, None if stage.final else stage.level)
    found.require()
    return found


def search(
    strategy: Strategy,
    stage: StagePlan,
    settings: Settings,
    legal: Feasible,
    scorer: Scorer,
    streams: Streams,
    progress: Progress,
    end: StageEnd,
    sampler: Sampler,
) -> list[Scored]:
    """Search one stage; the finalists that the strategy chose, and those in place of broken ones.

    It may ``end`` before its candidates or the space do. A resumed search goes the same way:
    recorded scores are told to the strategy again. Of what was scored only the best are kept here,
    so that long searches need no more memory than short ones.
    """
    objectives = scorer.evaluator.objectives
    why: Why | None = None
    best: list[Scored] = []
    asked = generations(strategy, stage, sampler, settings, objectives, streams)
    for generation, proposals in asked:
        # A resumed search replays itself: the stream of this generation is the same, so is the
        # state that ask and tell have built, hence the proposals; the scorer takes from the store
        # what it has and checks that these are the same candidates.
        evaluations = scorer.score(generation, proposals)
        told = _scored(proposals, evaluations, scorer)
        tell(strategy, told)
        accepted = (one for one in told if one.accepted)
        best = rank([*best, *accepted], objectives)[: stage.finalists + _RESERVE]
        new = sum(evaluation is not None for evaluation in evaluations)
        why = end.after(generation, told, new, best[0] if best else None, legal.space)
        if best:
            number = f"generation {generation + 1}"
            # The phase may not have begun yet: the scorer begins none where it only replays.
            progress.start(f"{stage.name} search", stage.candidates, "candidates")
            progress.advance(end.scored, describe(best[0], objectives[0], legal, number))
        if why:
            break
    ending = end.keep(why)
    scorer.require(best)
    if ending.why != "samples":
        progress.say(f"{stage.name}: {end.rules.tell(ending)}")
    first = best[: stage.finalists]
    chosen = [one for one in strategy.finalists(first, stage.finalists) if one.accepted]
    chosen = chosen or first  # no strategy brings in who failed or was filtered out
    if findings := findings_of(strategy):
        kept = scorer.store.fact("findings") or {}
        scorer.store.set_fact("findings", kept | {stage.name: findings})
    return scorer.costs.with_next(chosen, best, legal.space) if scorer.costs else chosen


def unscored(
    strategy: Strategy,
    stage: StagePlan,
    settings: Settings,
    legal: Feasible,
    objectives: Sequence[Objective],
    streams: Streams,
) -> list[Scored]:
    """The finalists of a stage in which no score decides: all that the strategy proposes.

    ``objectives`` are those by which the finalists will be ranked.
    """
    finalists: list[Scored] = []
    asked = generations(strategy, stage, Sampler(legal), settings, objectives, streams)
    for _, proposals in asked:
        drawn = [Scored(p.genome, legal.space.costs(p.genome)["flops"]) for p in proposals]
        tell(strategy, drawn)
        finalists += drawn
    return finalists


def retrain(finalists: Sequence[Scored], scorer: Scorer, halving: int = 1) -> list[Scored]:
    """Score the finalists of a stage by a better evaluator; the accepted ones, best first.

    From each rung of their training one in ``halving`` goes on, and where it fails or is filtered
    out, the next of those that came so far; the accepted ones are those that came to the end.
    """
    rungs = ladder(min(len(finalists), scorer.total), halving, scorer.context.epochs)
    scorer.total = sum(rung.width for rung in rungs)
    generation, standing = 0, list(finalists)
    for rung in rungs:
        # All begin: those that break a limit cost nothing, and others stand in for them.
        room = rung.width if generation else len(finalists)
        waiting, passed = standing, list[Scored]()
        while waiting and (missing := room - len(passed)):
            going, waiting = waiting[:missing], waiting[missing:]
            proposals = [Proposal(finalist.genome, finalist.origin) for finalist in going]
            evaluations = scorer.score(generation, proposals, rung if halving > 1 else None)
            judged = zip(_scored(proposals, evaluations, scorer), going, strict=True)
            passed += (replace(now, origin=was.origin) for now, was in judged if now.accepted)
            generation += 1
        scorer.require(passed)
        standing = rank(passed, scorer.evaluator.objectives)
    return standing if halving == 1 else [_whole(one) for one in standing]


def _whole(one: Scored) -> Scored:
    """One that was trained to the end, as if it had never paused."""
    metrics = {name: value for name, value in one.metrics.items() if name != EPOCHS}
    return replace(one, metrics=metrics)


def describe(best: Scored, objective: Objective, legal: Feasible, prefix: str) -> str:
    """One line about the best candidate so far, and how much of the budget it uses."""
    used = f"{format_amount(best.flops)} FLOPs"
    if legal.limit.most < UNLIMITED:
        used = f"{legal.cost(best.genome) / legal.limit.most:.1%} of the budget"
    return f"{prefix}, best {objective.name} {best.metrics[objective.name]:.4f} at {used}"


def _scored(
    proposals: Sequence[Proposal], evaluations: Sequence[Evaluation | None], scorer: Scorer
) -> list[Scored]:
    return [
        Scored(proposal.genome, evaluation.flops, evaluation.metrics, scorer.accepts(evaluation))
        if evaluation
        else Scored(proposal.genome, scorer.space.costs(proposal.genome)["flops"], accepted=False)
        for proposal, evaluation in zip(proposals, evaluations, strict=True)
    ]


def compare_finalists(finalists: Sequence[Scored], prefix: str) -> dict[str, object]:
    """The best finalist's metrics, with a prefix, and whether it is separated from the second.

    Separated means further apart than two standard errors of the difference, the two networks'
    errors taken as independent; they see the same images, so this errs on the careful side.
    """
    first = finalists[0].metrics
    told: dict[str, object] = {f"{prefix}{name}": value for name, value in first.items()}
    if len(finalists) > 1 and "standard_error" in first and "accuracy" in first:
        second = finalists[1].metrics
        error = math.hypot(first["standard_error"], second["standard_error"])
        told["second_accuracy"] = second["accuracy"]
        told["separated_from_second"] = first["accuracy"] - second["accuracy"] > 2 * error
    return told
