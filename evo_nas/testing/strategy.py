"""Checks of a strategy, which searches a small space by a made-up score."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal, Scored, Strategy
from evo_nas.strategies.checks import check_stages
from evo_nas.strategies.settings import Settings

from .check import Check, Once, expect, listed, require, skip
from .search import Stage, search
from .session import unmoved
from .subject import OnSpace, named

_SETTINGS = Settings(samples=40, population=10, parents=4, crossover=5, mutation=5, finalists=3)
_OBJECTIVES = (Objective("accuracy"),)


def check_strategy(
    strategy: str | Strategy | Callable[[], Strategy], space: str | Space | None = None
) -> None:
    """Make all :func:`strategy_checks`; a ConformanceError lists what failed."""
    name = strategy if isinstance(strategy, str) else repr(strategy)
    require(f"strategy {name}", strategy_checks(strategy, space))


def strategy_checks(
    strategy: str | Strategy | Callable[[], Strategy],
    space: str | Space | None = None,
    objectives: Sequence[Objective] = _OBJECTIVES,
) -> list[Check]:
    """The checks of a strategy, to be called one by one; nothing is loaded before the first call.

    Args:
        strategy: a spec as on the command line, a class or function that makes the strategy, or the
            strategy itself.
        space: what it searches, a spec or an object; by default a space of 625 genomes and two
            levels.
        objectives: what candidates are ranked by, for a strategy that needs several.
    """
    return _StrategyChecks(strategy, space, objectives).checks()


class _StrategyChecks(OnSpace[Strategy]):
    kind, base = "strategy", Strategy

    def __init__(
        self, strategy: object, space: str | Space | None, objectives: Sequence[Objective]
    ) -> None:
        super().__init__(strategy, space)
        self._objectives = tuple(objectives)
        self._stages = Once(self._search_first, "the search fails, see above")

    @named("it plans stages")
    def plan(self) -> None:
        stages = self.it.plan(self.space, _SETTINGS)
        check_stages(stages, self.space)
        levels = [stage.level for stage in stages if stage.level is not None]
        expect(levels == sorted(set(levels)), f"levels come in the order {levels}; go upwards")
        expect(stages[-1].final, "the last stage must be final: its own cost is what is limited")
        expect(self.make().plan(self.space, _SETTINGS) == stages, "plan() changes")

    @named("proposals are canonical and within a tight budget")
    def legal(self) -> None:
        for stage in self._stages.tell():
            for proposal in stage.proposals:
                told = f"{stage.plan.name}: the proposal {proposal.genome}"
                space = stage.legal.space
                checked = space.check(proposal.genome)
                expect(checked == proposal.genome, f"{told} is not canonical; {checked} is")
                costs = space.costs(proposal.genome)["flops"]
                expect(
                    stage.legal.legal(proposal.genome),
                    f"{told} costs {costs:,} FLOPs, the budget is {stage.legal.limit.range}; "
                    "draw with sampler.fresh or sampler.draw, which keep to it",
                )

    @named("proposals are new")
    def new(self) -> None:
        for stage in self._stages.get():
            counts = Counter(proposal.genome for proposal in stage.proposals)
            twice = [genome for genome, count in counts.items() if count > 1]
            told = f"{stage.plan.name} proposes {listed(twice, 1)} again"
            expect(not twice, f"{told}; sampler.fresh gives what was never proposed")
            known: set[Genome] = set()
            for generation in stage.generations:
                parents = {parent for proposal in generation for parent in proposal.parents}
                told = f"{stage.plan.name}: {listed(parents - known, 1)} is said to be a parent"
                expect(parents <= known, f"{told}, but was not proposed in a generation before")
                known |= {proposal.genome for proposal in generation}

    @named("stages end with the planned candidates")
    def ends(self) -> None:
        for stage in self._stages.get():
            planned, done = stage.plan.candidates, len(stage.proposals)
            told = f"{stage.plan.name} plans {planned} candidates"
            more = "return an empty list from ask() after the last"
            expect(not stage.cut, f"{told}, and still asks for more after {done}; {more}")
            expect(done <= planned, f"{told}, and proposes {done}; {more}")
            expect(
                stage.complete,
                f"{told}, and ends after {done} while there are more networks; go on until "
                "stage.candidates are proposed or sampler.fresh raises Exhausted",
            )

    @named("a small space is used up and ends")
    def exhausted(self) -> None:
        cheapest = feasible(self.space, Limit("flops")).minimum
        if cheapest is None:
            skip("how cheap networks of this space can be is not known")
        assert self._stages.get()
        tight = Limit("flops", high=int(cheapest * 1.2) + 1)
        for stage in self._search(budget=tight):
            count, done = stage.legal.count, len(stage.proposals)
            told = f"{stage.plan.name} has {count} networks within {tight.range} FLOPs"
            more = "sampler.fresh raises Exhausted when there are no more: end the stage then"
            expect(not stage.cut, f"{told}, and goes on asking; {more}")
            expect(count is None or done <= count, f"{told}, and proposes {done}; {more}")

    @named("the same seed gives the same search")
    def seed(self) -> None:
        self.needs_another()
        told = "two searches with one seed differ; draw only from the generator that ask() is given"
        expect(_asked(self._stages.get()) == _asked(self._search()), told)

    @named("nothing is drawn from global random state")
    def global_state(self) -> None:
        assert self._stages.get()
        with unmoved("draw only from the generator that ask() is given"):
            self._search()

    @named("a stage begins from nothing")
    def begins(self) -> None:
        self.needs_another()
        first, used = self._stages.get(), self.make()
        self._search(used)
        again = self._search(used)
        told = "begin() was called again, and other candidates were asked than by a new object"
        expect(_asked(again) == _asked(first), f"{told}; let begin() set everything anew")

    @named("a replay of recorded scores asks the same")
    def replay(self) -> None:
        self.needs_another()
        first = self._stages.get()
        scores = [[dict(scored.metrics) for scored in stage.scored] for stage in first]
        again = self._search(recorded=json.loads(json.dumps(scores)))
        told = "told the recorded scores, it asks for other candidates, so a run cannot be resumed"
        expect(_asked(again) == _asked(first), f"{told}; draw only from ask()'s generator")

    @named("failed candidates do not stop it")
    def failures(self) -> None:
        assert self._stages.get()
        for what, lost in (
            ("every third candidate fails", lambda generation, place: place % 3 == 0),
            ("the first generation fails", lambda generation, place: generation == 0),
            ("all fail", lambda generation, place: True),
        ):
            for stage in self._search(lost=lost):
                planned, done = stage.plan.candidates, len(stage.proposals)
                told = f"where {what} {stage.plan.name} proposes {done} of {planned} candidates"
                more = "failed ones have empty metrics: leave them out, and draw at random"
                expect(stage.complete and not stage.cut, f"{told}; {more}")

    @named("finalists are among the scored, or legal")
    def finalists(self) -> None:
        for stage in self._stages.get():
            if not stage.plan.scored:
                continue
            told = f"{stage.plan.name}: finalists()"
            for count in (1, stage.plan.finalists):
                chosen = stage.finalists(count)
                fine = isinstance(chosen, list) and all(isinstance(one, Scored) for one in chosen)
                expect(fine, f"{told} is {chosen!r}; return a list of those scored")
                genomes = [one.genome for one in chosen]
                expect(0 < len(genomes) <= count, f"{told} gives {len(genomes)} where {count} fit")
                expect(len(set(genomes)) == len(genomes), f"{told} gives a genome twice")
                known = {proposal.genome for proposal in stage.proposals}
                strange = [g for g in genomes if g not in known and not stage.admits(g)]
                more = "which was never scored and is no legal canonical genome"
                expect(not strange, f"{told} gives {listed(strange)}, {more}")

    def _search_first(self) -> list[Stage]:
        assert self.it is not None
        return self._search()

    def _search(
        self,
        strategy: Strategy | None = None,
        budget: Limit | None = None,
        lost: Callable[[int, int], bool] = lambda generation, place: False,
        recorded: object = None,
    ) -> list[Stage]:
        strategy, budget = strategy or self.make(), budget or self._budget
        return search(strategy, self.space, _SETTINGS, self._objectives, budget, lost, recorded)

    @cached_property
    def _budget(self) -> Limit:
        """What a third of the networks meet."""
        rng, legal = np.random.default_rng(0), feasible(self.space, Limit("flops"))
        drawn = [legal.draw(legal.prior, rng) for _ in range(60)]
        costs = sorted(self.space.costs(genome)["flops"] for genome in drawn)
        return Limit("flops", high=costs[20])


def _asked(stages: Sequence[Stage]) -> list[list[list[Proposal]]]:
    return [stage.generations for stage in stages]
