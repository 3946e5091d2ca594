"""The contract of a search strategy: it plans stages, proposes genomes and learns from scores.

A strategy knows spaces, genomes and metrics, never the store or the evaluator. A resumed run
rebuilds it by replaying recorded scores, so it must draw only from the generators it is given.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.sampler import Exhausted, Sampler
from evo_nas.space.space import Genome, Space

from .settings import Settings

GIVEN, IMPORTED = "given", "imported"  # the origins of what a user gave, the latter with scores
BY_SCORE = "finalist"  # the origin of finalists that their scores have chosen


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage: a search over the choices of ``level``, or over all of them where it is None.

    ``epochs_factor`` is a factor on the recipe's epochs; ``final`` means that no later stage can
    change a genome, so that its own cost is what the budget limits. Where ``scored`` is False the
    candidates are not scored but go to the retrainer as they are.
    """

    name: str
    level: int | None
    candidates: int
    finalists: int
    epochs_factor: int = 1
    final: bool = True
    scored: bool = True


def flat_stage(space: Space, settings: Settings) -> StagePlan:
    """One stage over all choices, with a supernet trained for as long as those of all levels.

    The paper doubles SPOS's epochs against two stages (section 4.3).
    """
    return StagePlan(
        name="stage1",
        level=None,
        candidates=settings.samples,
        finalists=settings.finalists,
        epochs_factor=len(space.levels),
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A genome to evaluate, how it came about, and its parents."""

    genome: Genome
    origin: str
    parents: tuple[Genome, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A genome with its metrics, which are empty where it failed or was not scored.

    No finalist is who failed, or was filtered out, as its evaluator tells: not ``accepted``. The
    ``origin`` of a finalist says how it was chosen, where that was not by its score.
    """

    genome: Genome
    flops: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    accepted: bool = True
    origin: str = BY_SCORE


class Strategy(ABC):
    """Plans a run's stages, then searches each of them by ask and tell."""

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """The stages, in order; by default one, over all choices."""
        return (flat_stage(space, settings),)

    def begin(
        self,
        stage: StagePlan,
        sampler: Sampler,
        settings: Settings,
        objectives: Sequence[Objective],
    ) -> None:
        """Start a stage from nothing; proposals come from ``sampler``.

        What is given is kept, with how many candidates are ``left`` to propose, and the strategy
        sets up the rest in :meth:`start`.
        """
        self.stage, self.sampler = stage, sampler
        self.settings, self.objectives = settings, objectives
        self.left = stage.candidates
        self.start()

    def start(self) -> None:  # noqa: B027  many need no more than they are given
        """Set up what a strategy keeps in a stage."""

    @abstractmethod
    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        """The next generation; none when the stage is over."""

    @abstractmethod
    def tell(self, scored: Sequence[Scored]) -> None:
        """The scores of the generation asked last, in its order."""

    def goals(self, objectives: Sequence[Objective]) -> tuple[Objective, ...]:
        """What the search seeks, of what an evaluator ranks by and costs: by default the first."""
        return (objectives[0],)

    def aims(self, scored: Scored) -> tuple[float, ...]:
        """What the search seeks to raise, of a scored candidate: by default the first objective.

        Of several values it is their Pareto front. A run with ``--patience`` ends a stage when
        nothing new is better in any of them than all that is at least as good in the others.
        """
        first = self.objectives[0]
        return (first.sign * scored.metrics[first.name],)

    def fill(
        self, size: int, breed: Callable[[int], Proposal], begun: Sequence[Proposal] = ()
    ) -> list[Proposal]:
        """A generation of ``size``: what is ``begun``, then what ``breed`` gives by its place.

        It is smaller, or empty, when the stage's candidates or the space are used up. The first one
        begins with what a user has given, and is larger where that is more.
        """
        given = [Proposal(genome, GIVEN) for genome in self.sampler.take_given()]
        proposals = [*given, *begun]
        try:
            while len(proposals) < min(size, self.left):
                proposals.append(breed(len(proposals)))
        except Exhausted:
            self.left = len(proposals)
        self.left -= len(proposals)
        return proposals

    def finalists(self, best: Sequence[Scored], count: int) -> list[Scored]:
        """Those to retrain, ``count`` at most: by default the ``best`` of the stage, best first.

        These are as many as are to be retrained, and all that is kept of what was scored. A
        strategy that chooses others keeps them when it is told of them; who is not ``accepted``
        is left out of what it chooses. Among them may be a legal genome that was never scored.
        """
        return list(best[:count])

    def findings(self) -> Mapping[str, float | str]:
        """What the stage's search found out besides its finalists, by names for people to read.

        Asked for after :meth:`finalists`, kept in the run, and told with its results.
        """
        return {}


def rank(scored: Iterable[Scored], objectives: Sequence[Objective]) -> list[Scored]:
    """Best first: by the objectives in order, then fewer FLOPs, then genome, so never by luck."""

    def key(candidate: Scored) -> tuple[object, ...]:
        signed = (-o.sign * candidate.metrics[o.name] for o in objectives)
        return (*signed, candidate.flops, candidate.genome)

    return sorted((candidate for candidate in scored if candidate.metrics), key=key)


def pareto_front(ranked: Sequence[Scored], objective: Objective) -> list[Scored]:
    """Of candidates, best first, those that no better or equal one undercuts in FLOPs."""
    front: list[Scored] = []
    for candidate in ranked:
        value = candidate.metrics[objective.name]
        cheapest = min((c.flops for c in front), default=math.inf)
        if candidate.flops < cheapest or (
            candidate.flops == cheapest and front[-1].metrics[objective.name] == value
        ):
            front.append(candidate)
    return front
