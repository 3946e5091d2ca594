"""Checks in a process of their own, which a plug-in that hangs or dies takes along alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.blame import ANYHOW
from evo_nas.core.workers.pool import Lost, WorkerPool
from evo_nas.errors import EvoNasError, SpecError

from .callback import callback_checks
from .check import Check, Outcome
from .evaluator import evaluator_checks
from .space import space_checks
from .strategy import strategy_checks

_CHECKS: Mapping[str, Callable[..., list[Check]]] = {
    "space": space_checks,
    "evaluator": evaluator_checks,
    "strategy": strategy_checks,
    "callback": callback_checks,
}


def outcomes_apart(kind: str, spec: str, limit: float, **options: Any) -> Iterator[Outcome]:
    """What each check of a plug-in finds, one after the other.

    A check that takes longer than ``limit`` seconds, or during which the process dies twice, has
    failed. Those after it are left out, as they are where the plug-in cannot be loaded: they would
    most likely end in the same way.

    Args:
        kind: space, evaluator, strategy or callback.
        spec: of the plug-in.
        limit: seconds for each check; 0: any time.
        options: of the list of checks of this kind; a space as its spec.

    Raises:
        SpecError: the plug-in's spec, or that of a space, names nothing.
    """
    names = [check.name for check in _CHECKS[kind](spec, **options)]  # which loads nothing
    opening = partial(_checker, kind, spec, options)
    pool: WorkerPool[int, Outcome | SpecError] = WorkerPool([opening], limit)
    try:
        for position, name in enumerate(names):
            ((_, found),) = pool.run([position])
            if isinstance(found, SpecError):
                raise found
            if isinstance(found, Lost):
                yield Outcome(name, "failed", f"{found.reason}; mend this before the rest is tried")
                return
            yield found
            if position == 0 and found.status == "failed":
                return
    finally:
        pool.close()


def _checker(
    kind: str, spec: str, options: Mapping[str, Any]
) -> Callable[[int], Outcome | SpecError]:
    """What makes a check, in the process; that keeps what earlier ones have computed."""
    checks: list[Check] = []

    def check(position: int) -> Outcome | SpecError:
        try:
            if not checks:  # to load a plug-in is limited in time, too
                checks.extend(_load(kind, spec, options))
            return checks[position].outcome()
        except EvoNasError as error:
            return SpecError(str(error))

    return check


def _load(kind: str, spec: str, options: Mapping[str, Any]) -> list[Check]:
    """The checks, if plug-in and space have names; what the plug-in raises itself is checked."""
    try:
        registry.load(kind, spec)
    except SpecError as error:
        if error.__cause__ is None:
            raise
    except ANYHOW:  # the first check says what it was, and where
        pass
    if "space" in options:
        options = {**options, "space": registry.load("space", options["space"])}
    return _CHECKS[kind](spec, **options)
