"""Checks of a strategy, which searches a small space by a made-up score."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Scored, Strategy
from evo_nas.strategies.checks import check_stages
from evo_nas.strategies.settings import Settings

from .check import Check, expect, listed, require, skip
from .search import Search, search
from .session import watched
from .small_space import SmallSpace
from .subject import Subject, as_checks

_SETTINGS = Settings(samples=40, population=10, parents=4, crossover=5, mutation=5, finalists=3)
_OBJECTIVES = (Objective("accuracy"),)


def check_strategy(
    strategy: str | Strategy | Callable[[], Strategy], space: str | Space | None = None
) -> None:
    """Check a strategy; see :func:`strategy_checks`.

    Raises:
        ConformanceError: listing every failed check with what to do.
    """
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
    subject = Subject("strategy", Strategy, strategy)  # type: ignore[type-abstract]
    return as_checks(subject, _StrategyChecks(subject, space, objectives).named())


class _StrategyChecks:
    def __init__(
        self,
        subject: Subject[Strategy],
        space: str | Space | None,
        objectives: Sequence[Objective],
    ) -> None:
        self._subject, self._objectives = subject, tuple(objectives)
        self._given = SmallSpace() if space is None else space

    @cached_property
    def _space(self) -> Space:
        if isinstance(self._given, Space):
            return self._given
        loaded: Space = registry.load("space", self._given)
        return loaded

    def named(self) -> Sequence[tuple[str, Callable[[], None]]]:
        """The checks, each with its name."""
        return (
            ("it plans stages", self.plan),
            ("proposals are canonical and within a tight budget", self.legal),
            ("proposals are new", self.new),
            ("stages end with the planned candidates", self.ends),
            ("a small space is used up and ends", self.exhausted),
            ("the same seed gives the same search", self.seed),
            ("nothing is drawn from global random state", self.global_state),
            ("a stage begins from nothing", self.begins),
            ("a replay of recorded scores asks the same", self.replay),
            ("failed candidates do not stop it", self.failures),
            ("finalists are among the scored", self.finalists),
        )

    def plan(self) -> None:
        stages = self._subject.it.plan(self._space, _SETTINGS)
        check_stages(stages, self._space)
        levels = [stage.level for stage in stages if stage.level is not None]
        expect(levels == sorted(set(levels)), f"levels come in the order {levels}; go upwards")
        expect(stages[-1].final, "the last stage must be final: its own cost is what is limited")
        expect(self._subject.make().plan(self._space, _SETTINGS) == stages, "plan() changes")

    def legal(self) -> None:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        for stage in self._searched.stages:
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

    def new(self) -> None:
        for stage in self._searched.stages:
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

    def ends(self) -> None:
        for stage in self._searched.stages:
            planned, done = stage.plan.candidates, len(stage.proposals)
            told = f"{stage.plan.name} plans {planned} candidates"
            more = "return an empty list from ask() after the last"
            expect(not stage.cut, f"{told}, and still asks for more after {done}; {more}")
            expect(done <= planned, f"{told}, and proposes {done}; {more}")
            possible = stage.legal.count
            expect(
                done == planned or (possible is not None and done >= possible),
                f"{told}, and ends after {done} while there are more networks; go on until "
                "stage.candidates are proposed or sampler.fresh raises Exhausted",
            )

    def exhausted(self) -> None:
        cheapest = feasible(self._space, Limit("flops")).minimum
        if cheapest is None:
            skip("how cheap networks of this space can be is not known")
        assert self._searched.stages
        tight = Limit("flops", high=int(cheapest * 1.2) + 1)
        for stage in self._search(budget=tight).stages:
            count, done = stage.legal.count, len(stage.proposals)
            told = f"{stage.plan.name} has {count} networks within {tight.range} FLOPs"
            more = "sampler.fresh raises Exhausted when there are no more: end the stage then"
            expect(not stage.cut, f"{told}, and goes on asking; {more}")
            expect(count is None or done <= count, f"{told}, and proposes {done}; {more}")

    def seed(self) -> None:
        self._needs_another()
        told = "two searches with one seed differ; draw only from the generator that ask() is given"
        expect(self._searched.asked == self._search().asked, told)

    def global_state(self) -> None:
        assert self._searched.stages
        moved: list[str] = []
        with watched(moved):
            self._search()
        told = f"{listed(moved)} changed"
        expect(not moved, f"{told}; draw only from the generator that ask() is given")

    def begins(self) -> None:
        self._needs_another()
        first, used = self._searched, self._subject.make()
        self._search(used)
        again = self._search(used)
        told = "begin() was called again, and other candidates were asked than by a new object"
        expect(again.asked == first.asked, f"{told}; let begin() set everything anew")

    def replay(self) -> None:
        self._needs_another()
        recorded = self._search(keep=json.loads(json.dumps(self._searched.scores)))
        told = "told the recorded scores, it asks for other candidates, so a run cannot be resumed"
        expect(recorded.asked == self._searched.asked, f"{told}; draw only from ask()'s generator")

    def failures(self) -> None:
        assert self._searched.stages
        for what, lost in (
            ("every third candidate fails", lambda generation, place: place % 3 == 0),
            ("the first generation fails", lambda generation, place: generation == 0),
            ("all fail", lambda generation, place: True),
        ):
            for stage in self._search(lost=lost).stages:
                planned, done = stage.plan.candidates, len(stage.proposals)
                possible = stage.legal.count
                told = f"where {what} {stage.plan.name} proposes {done} of {planned} candidates"
                enough = done == planned or (possible is not None and done >= possible)
                more = "failed ones have empty metrics: leave them out, and draw at random"
                expect(enough and not stage.cut, f"{told}; {more}")

    def finalists(self) -> None:
        for stage in self._searched.stages:
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
                strange = [genome for genome in genomes if genome not in known]
                expect(not strange, f"{told} gives {listed(strange)}, which was never scored")

    # -- searches --------------------------------------------------------------------------------

    @cached_property
    def _outcome(self) -> Search | Exception:
        assert self._subject.it is not None
        try:
            return self._search()
        except Exception as error:  # told by one check, not by each
            return error

    @property
    def _searched(self) -> Search:
        outcome = self._outcome
        return skip("the search fails, see above") if isinstance(outcome, Exception) else outcome

    def _search(
        self,
        strategy: Strategy | None = None,
        budget: Limit | None = None,
        lost: Callable[[int, int], bool] = lambda generation, place: False,
        keep: object = None,
    ) -> Search:
        made = strategy or self._fresh()
        return search(
            made, self._space, _SETTINGS, self._objectives, budget or self._budget, lost, keep
        )

    def _fresh(self) -> Strategy:
        loaded = self._subject.it
        return self._subject.make() if self._subject.can_be_made_again else loaded

    def _needs_another(self) -> None:
        if not self._subject.can_be_made_again:
            skip("an object was given; give a spec or the class to have it made twice")

    @cached_property
    def _budget(self) -> Limit:
        """What a third of the networks meet."""
        rng, legal = np.random.default_rng(0), feasible(self._space, Limit("flops"))
        drawn = [legal.draw(legal.prior, rng) for _ in range(60)]
        costs = sorted(self._space.costs(genome)["flops"] for genome in drawn)
        return Limit("flops", high=costs[20])
