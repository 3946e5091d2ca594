"""The plug-ins of a run, found and loaded by what a user calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from evo_nas.core.plugins import places, registry
from evo_nas.core.plugins.blame import blamed
from evo_nas.errors import EvoNasError, SettingsError
from evo_nas.evaluation.checks import check_evaluator
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.sampling.checks import Limits
from evo_nas.space.checks import check_space
from evo_nas.space.space import Space
from evo_nas.strategies.base import StagePlan, Strategy
from evo_nas.strategies.checks import goals_of
from evo_nas.strategies.settings import Settings
from evo_nas.training.recipe import Recipe

from .options import RunOptions

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class PlugIn(Generic[Loaded]):
    """One plug-in, and the spec that finds it again from any folder."""

    spec: str
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class PlugIns:
    """What a run searches, how, and by which scores."""

    space: PlugIn[Space]
    strategy: PlugIn[Strategy]
    evaluator: PlugIn[Evaluator]
    retrainer: PlugIn[Evaluator]
    limiting: tuple[PlugIn[Evaluator], ...] = ()

    @property
    def needing_images(self) -> list[str]:
        """The specs of the evaluators that look at images."""
        every = (self.evaluator, self.retrainer, *self.limiting)
        return [each.spec for each in every if each.loaded.needs_data]

    def with_limits(self, limits: Limits) -> PlugIns:
        """The same, and the evaluators that measure what is limited."""
        specs = dict.fromkeys(bound.limit.spec for bound in limits.bounds if bound.measured)
        limiting = tuple(_load("evaluator", spec) for spec in specs)
        _accept(limiting, self.space.loaded)
        return replace(self, limiting=limiting)

    def check_time_limits(self, search: float, finalists: float) -> None:
        """Raise a SettingsError unless what is limited works in processes that can be killed."""
        phases = ((search, (self.evaluator, *self.limiting)), (finalists, (self.retrainer,)))
        for limit, evaluators in phases:
            if limit > 0 and not any(
                each.loaded.in_workers or each.loaded.asks_workers for each in evaluators
            ):
                raise SettingsError(
                    f"a time limit of {limit:g} s would hold for nothing: {evaluators[0].spec} "
                    "does not work in worker processes (as train, python, command and zero_cost "
                    "do, and a cascade whose last level does); set in_workers = True in your class "
                    "if open is cheap and may be called in several processes, or leave it out"
                )

    def halving(self, asked: int | None, usual: int, epochs: int) -> int:
        """One in how many finalists goes on from a rung: as ``asked``, or as ``usual`` if it can.

        Trainings must be able to pause, and have ``epochs`` enough to.

        Raises:
            SettingsError: it is asked for, and they cannot.
        """
        halving, pauses = usual if asked is None else asked, self.retrainer.loaded.pauses
        if asked is None:
            return halving if pauses and halving <= epochs else 1
        if halving > 1 and not pauses:
            raise SettingsError(
                f"halving is {halving}, but retrainer {self.retrainer.spec} cannot pause a "
                "training; choose one that can, as train does"
            )
        if halving > epochs:
            raise SettingsError(
                f"halving is {halving}, and a finalist is trained for {epochs}: its first rung "
                f"would be less than an epoch; give finalist_epochs of {halving} or more"
            )
        return halving

    def inherit(self, asked: bool | None, stages: Sequence[StagePlan], usual: bool) -> bool:
        """Whether finalists start from shared weights: as ``asked``, or as ``usual`` if they can.

        Raises:
            SettingsError: it is asked for, and they cannot.
        """
        share = self.evaluator.loaded.shares_weights and self.retrainer.loaded.inherits
        scored = all(stage.scored for stage in stages)
        if asked is None:
            return usual and share and scored
        if asked and not share:
            raise SettingsError(
                f"finalists cannot inherit: evaluator {self.evaluator.spec} must share weights "
                f"(as supernet does) and retrainer {self.retrainer.spec} must train from them "
                "(as train does)"
            )
        if asked and not scored:
            raise SettingsError(
                f"finalists cannot inherit: strategy {self.strategy.spec} scores no candidates, so "
                "there are no shared weights"
            )
        return asked


def choose_plugins(options: RunOptions, recipe: Recipe) -> PlugIns:
    """Load them; without a retrainer the evaluator says which.

    What the recipe decides of the evaluator becomes part of its spec, so that whoever reads that
    knows it, too.
    """
    keys = {
        f.name: value for f in fields(recipe) if (value := getattr(recipe, f.name)) != f.default
    }
    evaluator = places.by_recipe("evaluator", options.evaluator, keys)
    if options.supernet is not None:
        evaluator = registry.with_option(evaluator, "run", options.supernet)
    chosen: PlugIn[Space] = _load("space", options.space)
    searching: PlugIn[Strategy] = _load("strategy", options.strategy)
    scorer: PlugIn[Evaluator] = _load("evaluator", evaluator)
    given = options.retrainer
    confirming = scorer.loaded.retrainer if given is None else given
    confirmer: PlugIn[Evaluator] = _load("evaluator", confirming)
    _accept((confirmer,), chosen.loaded)
    try:
        _accept((scorer,), chosen.loaded)
    except EvoNasError:
        # A strategy that scores no candidates, such as random, never opens it.
        stages = searching.loaded.plan(chosen.loaded, Settings())
        if any(stage.scored for stage in stages):
            raise
    goals_of(searching.loaded, scorer.loaded.objectives)
    return PlugIns(chosen, searching, scorer, confirmer)


def _load(kind: str, spec: str) -> PlugIn[Any]:
    """A plug-in, with what is cheap to check of it; a strategy is checked when it is asked."""
    absolute = places.absolute(kind, spec)
    loaded = registry.load(kind, absolute)
    if kind == "space":
        with blamed(kind, absolute, "costs"):
            check_space(loaded)
    elif kind == "evaluator":
        with blamed(kind, absolute, "objectives"):
            check_evaluator(loaded)
    return PlugIn(absolute, loaded)


def _accept(evaluators: Sequence[PlugIn[Evaluator]], space: Space) -> None:
    """Raise an EvoNasError if one cannot score the space."""
    for each in evaluators:
        with blamed("evaluator", each.spec, "check"):
            each.loaded.check(space)
