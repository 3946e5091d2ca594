"""Paths and code in specs: where a plug-in lies, and what its options name.

Plug-ins declare which of their options hold paths, code and specs (:mod:`.options`). A text that
looks like code is taken for it whether or not it is declared.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from evo_nas.core import paths
from evo_nas.errors import EvoNasError, SpecError

from . import registry
from .options import (
    Code,
    FilePath,
    Place,
    Program,
    Spec,
    hints,
    is_by_recipe,
    place_in,
    plain_value,
)

_LIKE_SPEC = re.compile(r"[^:;,|?]+:[^\W\d][\w.]*|[^;,|?]+\?.*", re.DOTALL)
DEEPEST = 8  # specs within specs; deeper ones are shown whole to whoever is asked


def absolute(kind: str, spec: str) -> str:
    """The spec with its paths made absolute: a run may be resumed from another folder.

    These are that of the plug-in, if it has one, and those that it declares its options to hold.
    """
    target, question, query = spec.partition("?")
    declared = places(target, [kind]) if query else {}
    place = _absolute_path if registry.is_path(kind, target) else _absolute_target
    options = [_absolute_option(option, declared) for option in query.split("&")]
    return f"{place(target)}{question}{'&'.join(options)}"


def by_recipe(kind: str, spec: str, keys: Mapping[str, object]) -> str:
    """The spec with what a recipe's ``keys`` give of its options, and of specs in these."""
    target, _, query = spec.partition("?")
    declared = hints(registry.factory(kind, target)[0])
    options = [_option_by_recipe(option, declared, keys) for option in query.split("&") if option]
    given = {option.partition("=")[0] for option in options}
    options += [
        _option(key, str(value))
        for key, value in keys.items()
        if key not in given and is_by_recipe(declared.get(key))
    ]
    return f"{target}?{'&'.join(options)}" if options else target


def _option_by_recipe(option: str, declared: Mapping[str, Any], keys: Mapping[str, object]) -> str:
    key, _, value = option.partition("=")
    place, text = place_in(declared.get(key)), unquote_plus(value)
    if not isinstance(place, Spec):
        return option
    specs = text.split(";") if place.several else [text]
    found = ";".join(by_recipe(place.kind, spec, keys) for spec in specs)
    return option if found == text else _option(key, found)


def _option(key: str, value: str) -> str:
    return registry.with_option("", key, value).removeprefix("?")


def code_in(spec: str, depth: int = 0) -> Iterator[str]:
    """What a spec would run: ``place:Attr``, programs, and those of specs in its options.

    To know what code declares of its options it is imported, once somebody has asked for what comes
    after it: who does not trust it stops there.
    """
    target, _, query = spec.partition("?")
    if depth > DEEPEST:
        yield spec
        return
    if ":" in target and not target.startswith(registry.HUB):
        yield _absolute_target(target)
    texts = [(key, text) for key, text in parse_qsl(query) if isinstance(plain_value(text), str)]
    declared = places(target) if texts else {}
    for key, text in texts:
        match declared.get(key):
            case Code() | Program() as place:
                yield _absolute_value(text, place)
            case Spec(several=several):
                for inner in text.split(";") if several else [text]:
                    yield from code_in(inner, depth + 1)
            case None:
                for inner in dict.fromkeys([text, *re.split("[;,|]", text)]):
                    if _LIKE_SPEC.fullmatch(inner.strip()):
                        yield from code_in(inner, depth + 1)


def program_words(command: str) -> list[str]:
    """The words of a command line as a shell takes them apart, with ``~`` and quotes.

    Raises:
        ValueError: a quotation has no end.
    """
    return [os.path.expanduser(word) for word in shlex.split(command)]


def places(target: str, kinds: Iterable[str] = registry.KINDS) -> dict[str, Place]:
    """What a plug-in declares of paths and code in its options; it is imported for that.

    Nothing is known of one that cannot be found, or is broken: whoever loads it says so.
    """
    found: dict[str, Place] = {}
    for kind in kinds:
        with suppress(EvoNasError):
            declared = hints(registry.factory(kind, target)[0])
            found |= {name: told for name, hint in declared.items() if (told := place_in(hint))}
    return found


def _absolute_option(option: str, declared: Mapping[str, Place]) -> str:
    key, _, value = option.partition("=")
    if key not in declared or not value:
        return option
    text = _absolute_value(unquote_plus(value), declared[key])
    return _option(key, text)


def _absolute_value(value: str, declared: Place) -> str:
    match declared:
        case FilePath():
            return _absolute_path(value)
        case Code():
            return _absolute_target(value)
        case Program():
            return _absolute_words(value)
        case Spec(kind, several=True):
            return ";".join(absolute(kind, spec) for spec in value.split(";"))
        case Spec(kind):
            return absolute(kind, value)


def _absolute_path(path: str) -> str:
    if path.startswith(registry.HUB):
        folder = path.removeprefix(registry.HUB)
        return f"{registry.HUB}{_absolute_path(folder)}" if os.path.isdir(folder) else path
    try:
        return str(paths.absolute(path))
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a NUL
        raise SpecError(f"path {path!r} leads nowhere: {error}") from error


def _absolute_target(target: str) -> str:
    place, colon, name = target.rpartition(":")
    return f"{_absolute_path(place)}{colon}{name}" if place.endswith(".py") else target


def _absolute_words(command: str) -> str:
    """A command line with the files that it names made absolute."""
    try:
        words = program_words(command)
    except ValueError:
        return command  # whoever runs it says what is wrong
    found = [_absolute_word(word, number == 0) for number, word in enumerate(words)]
    return command if found == shlex.split(command) else shlex.join(found)


def _absolute_word(word: str, first: bool) -> str:
    """A word of a command line; a name without a slash may be a program's, or mean no folder."""
    option, mark, value = word.partition("=") if word.startswith("-") else ("", "", word)
    path = paths.expanded(value)
    named = os.path.exists(path) if "/" in value else os.path.isfile(path) and not first
    return f"{option}{mark}{_absolute_path(value)}" if named else word
