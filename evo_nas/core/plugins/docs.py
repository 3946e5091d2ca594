"""What a plug-in's docstring says of it and of its options: read where it is written, once."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import registry
from .options import parameters
from .origins import is_ours

_SECTION = re.compile(r"^Args:\n((?:[ ]+.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+)(?: \([^)]*\))?:((?:.*)(?:\n {5,}.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its default, None where it is needed, and its meaning, "" if nothing is said."""

    name: str
    default: Any
    needed: bool
    meaning: str


def about(kind: str, name: str) -> str:
    """The :func:`summary` of an installed plug-in.

    Our own are read, not imported: some import torch, which takes seconds.

    Raises:
        SpecError: somebody else's cannot be imported.
    """
    module, _, attribute = registry.home(kind, name).rpartition(":")
    documented = _documented(module) if is_ours(module) else {}
    if attribute in documented:
        return _first_sentence(documented[attribute])
    return summary(registry.find(kind, name))


@cache
def _documented(module: str) -> dict[str, str]:
    """The docstrings of the classes and functions that a module defines, by name."""
    spec = find_spec(module)
    assert spec is not None, "it comes with evo-nas"
    tree = ast.parse(Path(str(spec.origin)).read_bytes())
    defined = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return {node.name: ast.get_docstring(node) or "" for node in defined}


def summary(factory: Callable[..., Any]) -> str:
    """The first sentence of a docstring, "" if there is none."""
    return _first_sentence(factory.__doc__ or "")


def _first_sentence(documentation: str) -> str:
    first = documentation.strip().partition("\n\n")[0].split("\n")
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
