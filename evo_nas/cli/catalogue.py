"""What can be named on the command line, each with a line about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.docs import Option, options, summary
from evo_nas.errors import EvoNasError, SpecError, nearest, shell_word
from evo_nas.results.result import load_result
from evo_nas.sampling.limits import format_amount
from evo_nas.search.limits import describe_limits
from evo_nas.search.options import RUNS
from evo_nas.search.run_folder import CONFIG

from .completion import LISTS

WITH_OPTIONS = [what for what in LISTS if what != "networks"]


def listing(what: str) -> dict[str, str]:
    """Names with what they are; a plug-in that cannot be imported is listed with the reason.

    Raises:
        SpecError: there is no such list.
    """
    if what == "runs":
        return _runs()
    kind = _kind(what)
    return {name: _about(kind, name) for name in registry.names(kind)}


@dataclass(frozen=True, slots=True)
class Details:
    """One plug-in: how it was named, its first sentence, and the options that it takes."""

    name: str
    about: str
    options: Sequence[Option]


def details(what: str, spec: str) -> Details:
    """What one plug-in of a list is, by its name, path or module; it is imported, but not made.

    Raises:
        SpecError: there is no such list, it is none of plug-ins, or nothing has this name.
    """
    if what in ("runs", *LISTS) and what not in WITH_OPTIONS:
        raise SpecError(
            f"{what} have no options; evo-nas show {shell_word(spec)} says what is known of it"
        )
    target = spec.partition("?")[0]
    factory, given = registry.factory(_kind(what), target)
    told = [option for option in options(factory) if option.name not in given]
    return Details(target, summary(factory), told)


def _kind(what: str) -> str:
    if what not in LISTS:
        raise SpecError(f"there is no list {what!r}; {nearest(what, [*LISTS, 'runs'])}")
    return LISTS[what]


def _about(kind: str, name: str) -> str:
    try:
        return summary(registry.find(kind, name))
    except EvoNasError as error:
        return str(error)


def _runs() -> dict[str, str]:
    told = {}
    for folder in sorted(RUNS.glob("*")):
        if not (folder / CONFIG).is_file():
            continue
        try:
            result = load_result(folder)
        except EvoNasError as error:
            told[str(folder)] = str(error)
            continue
        state = f"unfinished, {len(result.evaluations):,} evaluations"
        if result.best is not None:
            flops = format_amount(result.best["target"]["flops"])
            state = f"finished, {flops} FLOPs"
            for kind in ("validation_accuracy", "accuracy"):
                if (accuracy := result.best["measured"].get(kind)) is not None:
                    state += f", {kind.replace('_', ' ')} {accuracy:.4f}"
        space = registry.short(result.config.space)
        within = describe_limits(result.config.every_limit)
        told[str(folder)] = f"{space} within {within}, {state}"
    return told
