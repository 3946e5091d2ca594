"""What a plug-in's docstring says of it and of its options: read where it is written, once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .options import parameters

_SECTION = re.compile(r"^Args:\n((?:[ ]+.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+)(?: \([^)]*\))?:((?:.*)(?:\n {5,}.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its default, None where it is needed, and its meaning, "" if nothing is said."""

    name: str
    default: Any
    needed: bool
    meaning: str


def summary(factory: Callable[..., Any]) -> str:
    """The first sentence of a docstring, "" if there is none."""
    first = (factory.__doc__ or "").strip().partition("\n\n")[0].split("\n")
    return _plain(first[0] if first[0].endswith(".") else " ".join(first))


def options(factory: Callable[..., Any]) -> list[Option]:
    """The options in the order of the signature, with what the section ``Args`` says of each.

    Of a class the docstrings of its bases count, too, where its own is silent.
    """
    meanings = _meanings(factory)
    return [
        Option(
            parameter.name,
            None if parameter.default is parameter.empty else parameter.default,
            parameter.default is parameter.empty,
            meanings.get(parameter.name, ""),
        )
        for parameter in parameters(factory).values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]


def _meanings(factory: Callable[..., Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in reversed(getattr(factory, "__mro__", (factory,))):
        initial = vars(each).get("__init__") if isinstance(each, type) else None
        for documentation in (getattr(initial, "__doc__", None), each.__doc__):
            section = _SECTION.search(inspect.cleandoc(documentation or ""))
            if section:
                found |= {name: _plain(text) for name, text in _ENTRY.findall(section[1])}
    return found


def _plain(text: str) -> str:
    """As it is read: in one line, without marks for a site of docs."""
    return re.sub(r":\w+:(?=`)|`", "", " ".join(text.split()))
