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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from evo_nas.core.paths import expanded


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

    Raises:
        OptionError: it is not of this type, or not in its range.
    """
    types, told = _parts(hint)
    types = [each for each in types if each is not NoneType]
    value = text if types == [str] else plain_value(text)
    if isinstance(value, str) and isinstance(place_in(hint), FilePath):
        value = str(expanded(value))
    choices = get_args(types[0]) if [get_origin(each) for each in types] == [Literal] else ()
    if choices and value not in choices:
        raise OptionError(value, " or ".join(map(str, choices)))
    if not types or any(each not in _TYPES for each in types):
        return value
    bounds = [each for each in told if isinstance(each, Bound)]
    fits = any(_TYPES[each][1](value) for each in types)
    if not fits or not (type(value) is str or all(bound.fits(value) for bound in bounds)):  # type: ignore[arg-type]
        wanted = " or ".join(_TYPES[each][0] for each in types)
        raise OptionError(value, ", ".join([wanted, *(bound.wanted for bound in bounds)]))
    return value


def plain_value(text: str) -> int | float | bool | str:
    """A text as a number, or as true or false, if it is one."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


class OptionError(Exception):
    """A value is not what an option has to be."""

    def __init__(self, value: object, wanted: str) -> None:
        super().__init__(f"{value!r} must be {wanted}")
