"""The plug-ins of a run, found and loaded by what a user calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from evo_nas.core.plugins import places, registry
from evo_nas.core.plugins.blame import blamed
from evo_nas.errors import EvoNasError, SettingsError
from evo_nas.evaluation.checks import check_evaluator
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.space import checks
from evo_nas.space.space import Space
from evo_nas.strategies.base import StagePlan, Strategy
from evo_nas.strategies.settings import Settings

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
        return [e.spec for e in self._evaluators if e.loaded.needs_data]

    @property
    def _evaluators(self) -> tuple[PlugIn[Evaluator], ...]:
        return (self.evaluator, self.retrainer, *self.limiting)

    def with_limits(self, specs: Sequence[str]) -> PlugIns:
        """The same, and the evaluators that measure what is limited.

        Raises:
            EvoNasError: one cannot be loaded, or cannot measure the space.
        """
        limiting = tuple(_load("evaluator", spec) for spec in specs)
        _accept(limiting, self.space.loaded)
        return replace(self, limiting=limiting)

    def check_time_limits(self, search: float, finalists: float) -> None:
        """Raise a SettingsError unless what is limited works in processes that can be killed."""
        phases = ((search, (self.evaluator, *self.limiting)), (finalists, (self.retrainer,)))
        for limit, evaluators in phases:
            if limit > 0 and not any(_can_be_ended(each.loaded) for each in evaluators):
                raise SettingsError(
                    f"a time limit of {limit:g} s would hold for nothing: {evaluators[0].spec} "
                    "does not work in worker processes (as train, python, command and zero_cost "
                    "do, and a cascade whose last level does); set in_workers = True in your class "
                    "if open is cheap and may be called in several processes, or leave it out"
                )

    def check_inheritance(self, stages: Sequence[StagePlan]) -> None:
        """Raise a SettingsError unless finalists can start from the weights of a search."""
        if not (self.evaluator.loaded.shares_weights and self.retrainer.loaded.inherits):
            raise SettingsError(
                f"finalists cannot inherit: evaluator {self.evaluator.spec} must share weights "
                f"(as supernet does) and retrainer {self.retrainer.spec} must train from them "
                "(as train does)"
            )
        if not all(stage.scored for stage in stages):
            raise SettingsError(
                f"finalists cannot inherit: strategy {self.strategy.spec} scores no candidates, so "
                "there are no shared weights"
            )


def choose_plugins(
    space: str,
    strategy: str,
    evaluator: str,
    retrainer: str | None = None,
    supernet: str | None = None,
) -> PlugIns:
    """Load them; without a ``retrainer`` the evaluator says which.

    ``supernet`` is the folder of a run whose shared weights the evaluator is to use.

    Raises:
        EvoNasError: one cannot be found or loaded, or an evaluator cannot score the space.
    """
    if supernet is not None:
        evaluator = registry.with_option(evaluator, "run", supernet)
    chosen: PlugIn[Space] = _load("space", space)
    searching: PlugIn[Strategy] = _load("strategy", strategy)
    scorer: PlugIn[Evaluator] = _load("evaluator", evaluator)
    confirmer: PlugIn[Evaluator] = _load(
        "evaluator", scorer.loaded.retrainer if retrainer is None else retrainer
    )
    _accept((confirmer,), chosen.loaded)
    try:
        _accept((scorer,), chosen.loaded)
    except EvoNasError:
        # A strategy that scores no candidates, such as random, never opens it.
        stages = searching.loaded.plan(chosen.loaded, Settings())
        if any(stage.scored for stage in stages):
            raise
    return PlugIns(chosen, searching, scorer, confirmer)


def _can_be_ended(evaluator: Evaluator) -> bool:
    """Whether it works, or what works for it, in processes that can be killed."""
    return evaluator.in_workers or evaluator.asks_workers


def _load(kind: str, spec: str) -> PlugIn[Any]:
    absolute = places.absolute(kind, spec)
    loaded = registry.load(kind, absolute)
    if kind in _CHECKS:
        name, check = _CHECKS[kind]
        with blamed(kind, absolute, name):
            check(loaded)
    return PlugIn(absolute, loaded)


def _accept(evaluators: Sequence[PlugIn[Evaluator]], space: Space) -> None:
    """Raise an EvoNasError if one cannot score the space."""
    for each in evaluators:
        with blamed("evaluator", each.spec, "check"):
            each.loaded.check(space)


# What is cheap to check before a run, by kind, and what of the plug-in is called for it. What a
# strategy gives is checked when it is asked.
_CHECKS: Mapping[str, tuple[str, Callable[[Any], None]]] = {
    "space": ("costs", checks.check_space),
    "evaluator": ("objectives", check_evaluator),
}
