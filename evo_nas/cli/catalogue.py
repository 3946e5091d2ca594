"""Plug-ins that can be named on the command line, each with a line about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.docs import Option, about, options, summary
from evo_nas.errors import EvoNasError, SpecError, nearest, shell_word

from .completion import LISTS

WITH_OPTIONS = [what for what in LISTS if what != "networks"]
ABOUT = {
    "spaces": "what can be searched",
    "evaluators": "who scores candidates, and retrains finalists",
    "strategies": "who proposes candidates",
    "data": "images that come with evo-nas; a folder of your own is named by its path",
    "callbacks": "what can watch a run, such as loggers",
    "networks": "published networks",
    "runs": "runs, comparisons and pools in the folder runs",
}


def listing(what: str) -> dict[str, str]:
    """Names of plug-ins with what they are; one that cannot be imported is listed with the reason.

    Raises:
        SpecError: there is no such list.
    """
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
    if what in ABOUT and what not in WITH_OPTIONS:
        raise SpecError(
            f"{what} have no options; evo-nas show {shell_word(spec)} says what is known of it"
        )
    target = spec.partition("?")[0]
    factory, given = registry.factory(_kind(what), target)
    told = [option for option in options(factory) if option.name not in given]
    return Details(target, summary(factory), told)


def _kind(what: str) -> str:
    if what not in LISTS:
        raise SpecError(f"there is no list {what!r}; {nearest(what, ABOUT)}")
    return LISTS[what]


def _about(kind: str, name: str) -> str:
    try:
        return about(kind, name)
    except EvoNasError as error:
        return str(error)
