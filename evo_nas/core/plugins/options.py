"""What plug-ins declare of their options, in the signature: paths, code, specs and ranges.

An option's type says what may be given. What it holds beyond that is told in ``Annotated``::

    def __init__(
        self, *, inner: Annotated[str, Spec("evaluator")], epochs: Annotated[int, at_least(1)] = 5
    ) -> None: ...

Paths are made absolute, so that a run is found again from any folder; code and specs are asked
about before they are run for a file of others; types and ranges are checked once, for all.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class FilePath:
    """The option is the path of a file or folder."""


@dataclass(frozen=True, slots=True)
class Code:
    """The option is ``path/file.py:name`` or ``package.module:name``, which is imported."""


@dataclass(frozen=True, slots=True)
class Program:
    """The option is a command line, which is run; files in it are found from any folder."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The option is the spec of a plug-in of a kind, or several with semicolons between."""

    kind: str
    several: bool = False


@dataclass(frozen=True, slots=True)
class ByRecipe:
    """Where the option is left out, the recipe's key of its name gives it before anything is made.

    For an option that decides what a plug-in is, such as by what it ranks.
    """


@dataclass(frozen=True, slots=True)
class Bound:
    """What numbers the option may be; made by :func:`at_least` and its like."""

    fits: Callable[[float], bool]
    wanted: str


def at_least(least: float) -> Bound:
    """The option is this number or more."""
    return Bound(lambda value: value >= least, f"{least} or more")


def at_most(most: float) -> Bound:
    """The option is this number or less."""
    return Bound(lambda value: value <= most, f"{most} or less")


def above(low: float) -> Bound:
    """The option is more than this number."""
    return Bound(lambda value: value > low, f"above {low}")


def below(high: float) -> Bound:
    """The option is less than this number."""
    return Bound(lambda value: value < high, f"below {high}")


Place = FilePath | Code | Program | Spec
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]*\.?[0-9]+(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
# What a value of a type is called, and whether a value that was read from a spec is one.
_TYPES: dict[object, tuple[str, Callable[[object], bool]]] = {
    int: ("a whole number", lambda value: type(value) is int),
    float: ("a number", lambda value: type(value) in (int, float) and math.isfinite(value)),  # type: ignore[arg-type]
    bool: ("true or false", lambda value: type(value) is bool),
    str: ("a text", lambda value: True),
}
_LISTS: dict[object, Callable[[Iterable[object]], object]] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, Sequence: tuple, Iterable: tuple,
    Collection: tuple,
}  # fmt: skip


def parameters(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """What can be given to a class or a function, as far as it tells."""
    try:
        return inspect.signature(factory).parameters
    except (TypeError, ValueError):  # a builtin, perhaps
        return {}


def hints(factory: Callable[..., Any]) -> dict[str, Any]:
    """The types of a plug-in's options with what is ``Annotated``; Any where that is unknown."""
    made_by = inspect.unwrap(factory.__init__ if isinstance(factory, type) else factory)  # type: ignore[misc]
    known = getattr(made_by, "__globals__", {})
    return {name: _hint(each.annotation, known) for name, each in parameters(factory).items()}


def _hint(annotation: Any, known: dict[str, Any]) -> Any:
    """An annotation, evaluated; one that only a type checker could evaluate says nothing."""
    if annotation is inspect.Parameter.empty:
        return Any
    one = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(one, known, include_extras=True)["it"]
    except Exception:  # it is somebody's code
        return Any


def place_in(hint: Any) -> Place | None:
    """What a type declares of paths and code in the option, if it does."""
    _, told = _parts(hint)
    return next((each for each in told if isinstance(each, Place)), None)


def is_by_recipe(hint: Any) -> bool:
    """Whether a recipe gives the option where it is left out."""
    return ByRecipe() in _parts(hint)[1]


def _parts(hint: Any) -> tuple[list[Any], list[Any]]:
    """The types that a type is one of, and what is ``Annotated`` of any of them."""
    if get_origin(hint) is Annotated:
        inner, *told = get_args(hint)
        types, more = _parts(inner)
        return types, [*told, *more]
    if get_origin(hint) in (Union, UnionType):
        parts = [_parts(each) for each in get_args(hint)]
        return [t for types, _ in parts for t in types], [t for _, told in parts for t in told]
    return [hint], []


def read(text: str, hint: Any) -> object:
    """What the text of an option stands for, which depends on the option's type.

    That of a list is its values with commas between, that of None ``none``, that of an enumeration
    a name or a value. A type that is not known here is given what :func:`plain_value` says.

    Raises:
        OptionError: it is not of this type, or not in its range.
    """
    types, told = _parts(hint)
    if NoneType in types and str not in types and text.lower() == "none":
        return None
    types = [each for each in types if each is not NoneType]
    bounds = [each for each in told if isinstance(each, Bound)]
    wanted: list[str] = []
    for kind in types:
        reader = _reader(kind, alone=len(types) == 1)
        if reader is None:
            return plain_value(text)
        try:
            value = reader(text)
        except OptionError as error:
            wanted.append(error.wanted)
            continue
        if isinstance(value, str) or all(bound.fits(value) for bound in bounds):  # type: ignore[arg-type]
            return value
        wanted.append(_TYPES[kind][0])
    ranges = [bound.wanted for bound in bounds]
    raise OptionError(plain_value(text), ", ".join([" or ".join(dict.fromkeys(wanted)), *ranges]))


def _reader(kind: Any, alone: bool) -> Callable[[str], object] | None:
    """What reads the value of a type, or raises an OptionError; None of a type not known.

    A text that is ``alone`` is no number, whatever it looks like.
    """
    if kind is str and alone:
        return str
    if kind in _TYPES:
        return lambda text: _simple(text, *_TYPES[kind])
    if get_origin(kind) is Literal:
        return lambda text: _one_of(text, {str(each): each for each in get_args(kind)})
    made = get_origin(kind) or kind
    if made in _LISTS:
        return lambda text: _several(text, _LISTS[made], get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        values = {str(each.value): each for each in kind} | kind.__members__
        return lambda text: _one_of(text, values)
    return kind if isinstance(kind, type) and issubclass(kind, PurePath) else None


def _simple(text: str, wanted: str, fits: Callable[[object], bool]) -> object:
    value = plain_value(text)
    if not fits(value):
        raise OptionError(value, wanted)
    return value


def _one_of(text: str, values: Mapping[str, object]) -> object:
    found = values.get(text, values.get(str(plain_value(text)), values))
    if found is values:
        raise OptionError(text, " or ".join(values))
    return found


def _several(text: str, made: Callable[[Iterable[object]], object], items: Sequence[Any]) -> object:
    """Values with commas between; ``items`` are their types: one for all, or one for each."""
    texts = [each.strip() for each in text.split(",")] if text else []
    if len(items) == 1 or items[1:] == (...,):
        items = [items[0]] * len(texts)
    elif items and len(items) != len(texts):
        raise OptionError(text, f"{len(items)} values with commas between")
    try:
        return made(read(*each) for each in zip(texts, items or [Any] * len(texts), strict=True))
    except OptionError as error:
        raise OptionError(text, f"{error.wanted}, or several with commas between") from error


def plain_value(text: str) -> int | float | bool | str:
    """A text as a number, or as true or false, if it is one."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text.lower(), text)


class OptionError(Exception):
    """A value is not what an option has to be."""

    def __init__(self, value: object, wanted: str) -> None:
        super().__init__(f"{value!r} must be {wanted}")
        self.wanted = wanted
