"""Checks what a strategy gives: its stages and its proposals, whenever it is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from evo_nas.core.plugins.blame import Breach, blamed, require
from evo_nas.core.streams import Streams
from evo_nas.core.validation import shown
from evo_nas.errors import EvoNasError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Space

from .base import Proposal, Scored, StagePlan, Strategy
from .settings import Settings


def check_stages(stages: Any, space: Space) -> None:
    """What ``plan`` returned."""
    fine = isinstance(stages, tuple) and len(stages) > 0
    fine = fine and all(isinstance(stage, StagePlan) for stage in stages)
    require(fine, f"plan() is {shown(stages)}; return a tuple of StagePlan(...), one at least")
    names = [stage.name for stage in stages]
    require(len(set(names)) == len(names), f"two stages have one name: {names}")
    for stage in stages:
        known = stage.level is None or stage.level in space.levels
        told = f"stage {stage.name}: level {stage.level!r} is no level of the space"
        require(known, f"{told} {space.levels}; take it from space.levels, or None")
        for name in ("candidates", "finalists", "epochs_factor"):
            number = getattr(stage, name)
            known = type(number) is int and number >= 1
            require(known, f"stage {stage.name}: {name} is {number!r}; it must be 1 or more")


def check_proposals(proposals: Any, space: Space) -> None:
    """What ``ask`` returned, genomes by their types, length and genes."""
    fine = isinstance(proposals, Sequence) and all(isinstance(p, Proposal) for p in proposals)
    if not fine:
        more = "return a list of Proposal(genome, origin), an empty one at the end"
        raise Breach(f"ask() is {shown(proposals)}; {more}")
    for proposal in proposals:
        problem = _problem(proposal, space)
        if problem:
            raise Breach(f"the proposal {shown(proposal.genome)} {problem}")


def _problem(proposal: Proposal, space: Space) -> str | None:
    """What is wrong with a proposal; words are made only then, as searches make many."""
    genome, origin, parents = proposal.genome, proposal.origin, proposal.parents
    if not isinstance(genome, tuple):
        return f"is a {type(genome).__name__}; make it a tuple"
    try:
        space.check(genome)
    except EvoNasError as error:
        return f"is no genome: {error}; draw with sampler.fresh"
    if not isinstance(origin, str) or not origin:
        return "does not say its `origin`, in a word"
    if not isinstance(parents, tuple) or not all(isinstance(one, tuple) for one in parents):
        return f"has `parents` {shown(parents)}; make it a tuple of genomes"
    return None


def plan(strategy: Strategy, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
    """The stages, checked."""
    with _called(strategy, "plan"):
        stages = strategy.plan(space, settings)
        check_stages(stages, space)
    return stages


def generations(
    strategy: Strategy,
    stage: StagePlan,
    sampler: Sampler,
    settings: Settings,
    objectives: Sequence[Objective],
    streams: Streams,
) -> Iterator[tuple[int, Sequence[Proposal]]]:
    """Begin a stage; its generations with their numbers, checked, each to be told of."""
    with _called(strategy, "begin"):
        strategy.begin(stage, sampler, settings, objectives)
    for generation in count():
        with _called(strategy, "ask"):
            proposals = strategy.ask(streams.generator("propose", generation))
            check_proposals(proposals, sampler.space)
            more = "draw the first generation by fill(), which begins with it"
            require(not sampler.given, f"ask() leaves out what a user has given; {more}")
        if not proposals:
            break
        yield generation, proposals


def tell(strategy: Strategy, scored: Sequence[Scored]) -> None:
    """Tell it the scores."""
    with _called(strategy, "tell"):
        strategy.tell(scored)


def goals_of(strategy: Strategy, objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    """What it seeks of what an evaluator with these objectives ranks by, checked."""
    with _called(strategy, "goals"):
        found = strategy.goals(objectives)
        fine = isinstance(found, tuple) and found and all(isinstance(o, Objective) for o in found)
        require(bool(fine), f"goals() is {shown(found)}; return a tuple of Objective(...)")
    return found


def aims_of(strategy: Strategy, scored: Scored) -> tuple[float, ...]:
    """What it seeks to raise, of a scored candidate, checked."""
    with _called(strategy, "aims"):
        found = strategy.aims(scored)
        fine = isinstance(found, tuple) and found and all(map(math.isfinite, found))
        require(bool(fine), f"aims() is {shown(found)}; return a tuple of finite numbers")
    return found


def findings_of(strategy: Strategy) -> dict[str, float | str]:
    """What it found out besides finalists, checked."""
    with _called(strategy, "findings"):
        found = strategy.findings()
        fine = isinstance(found, Mapping) and all(map(_is_finding, found, found.values()))
        require(fine, f"findings() is {shown(found)}; return finite numbers and texts by name")
    return dict(found)


def _is_finding(name: object, value: object) -> bool:
    """Whether it can be kept and told."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(name, str) and (number or isinstance(value, str))


def _called(strategy: Strategy, method: str) -> AbstractContextManager[None]:
    return blamed("strategy", str(getattr(strategy, "spec", type(strategy).__name__)), method)
