"""Kinds of values that users give: from Python, as flags and in files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from types import FunctionType
from typing import Any, TypeAlias

from evo_nas.core.paths import absolute, expanded
from evo_nas.core.plugins.specs import spec_of
from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError
from evo_nas.sampling.limits import exact_amount
from evo_nas.search.course.duration import read_duration

Amount: TypeAlias = str | float
Named: TypeAlias = Any  # what evo_nas.core.plugins.specs.spec_of finds a spec for


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: its type from Python, as a flag and in a file; ``read`` makes the latter.

    Of specs, ``plug_in`` says of which kind they are.
    """

    given: Any
    flag: Any
    kept: Any
    read: Callable[[str, Any], Any]
    plug_in: str = ""


def text(key: str, given: Any, expected: str) -> str:
    """The text that was given; raises a SettingsError that says what is ``expected`` otherwise."""
    if not isinstance(given, str):
        raise SettingsError(f"{key} is {shown(given)}; give {expected}")
    return given


def whole_number(key: str, given: Any, lowest: float = -math.inf) -> int:
    """The whole number that was given, by whatever library, as Python's."""
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise SettingsError(f"{key} is {shown(given)}; it must be a whole number")
    if given < lowest:
        raise SettingsError(f"{key} is {given}; it must be at least {lowest}")
    return int(given)


def _number(key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, Real):
        raise SettingsError(f"{key} is {shown(given)}; it must be a number")
    return float(given)


def _switch(key: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise SettingsError(f"{key} is {shown(given)}; give True or False")
    return given


def _time(key: str, given: Any) -> str:
    """A number is one of seconds."""
    if isinstance(given, timedelta):
        given = given.total_seconds()
    known = isinstance(given, Real) and not isinstance(given, bool) and math.isfinite(given)
    told = f"{Decimal(repr(float(given))):f}s" if known else text(key, given, "as 90s, 2h or 1h30m")
    read_duration(key, told)
    return told


def _limits(key: str, given: Any) -> list[str]:
    """One limit alone may be given as it is."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Sequence) or not all(isinstance(each, str) for each in texts):
        raise SettingsError(f"{key} is {shown(given)}; give texts, as ['params<=6M']")
    return list(texts)


def plug_in(kind: str) -> Kind:
    """Specs of a kind of plug-ins."""
    return Kind(Named, str, str, lambda key, given: spec_of(key, kind, given), kind)


def _data(key: str, given: Any) -> str:
    """Images in memory are held, and have a spec from then on."""
    from evo_nas.data.memory.held import given as held  # torch takes seconds to load
    from evo_nas.data.source import DataSource

    known = (str, Path, bool, int, float, type, FunctionType, DataSource)
    if given is None or isinstance(given, known) or isinstance(getattr(given, "spec", None), str):
        return spec_of(key, "data", given)
    return str(spec_of(key, "data", held(given)))


def amount(example: str, whole: bool = True) -> Kind:
    """Amounts with units, or numbers of them."""

    def read(key: str, given: Any) -> str:
        """A number is written without rounding."""
        if isinstance(given, str):
            return given
        known = isinstance(given, Real | Decimal) and not isinstance(given, bool)
        if not known or not math.isfinite(given):
            raise SettingsError(f"{key} is {shown(given)}; give an amount such as {example}")
        if whole and given == int(given) and given >= 1:
            return exact_amount(int(given))
        return f"{Decimal(repr(float(given))):f}"

    return Kind(Amount, str, str, read)


def words(expected: str) -> Kind:
    """Texts; in a message they are ``expected``."""
    return Kind(str, str, str, lambda key, given: text(key, given, expected))


def folder(expected: str) -> Kind:
    """Paths of folders."""

    def read(key: str, given: Any) -> str:
        return str(expanded(text(key, str(given) if isinstance(given, Path) else given, expected)))

    return Kind(str | Path, Path, str, read)


def whole(lowest: float = -math.inf) -> Kind:
    """Whole numbers."""
    return Kind(int, int, int, lambda key, given: whole_number(key, given, lowest))


def _start(key: str, given: Any) -> list[str]:
    """Networks as texts: names, paths (from the root, of what is there), else JSON."""
    one = isinstance(given, str | Path | Mapping) or not isinstance(given, Sequence)
    one = one or (len(given) > 0 and all(type(gene) is int for gene in given))
    return [_network(key, each) for each in ([given] if one else given)]


def _network(key: str, given: Any) -> str:
    if isinstance(folder := getattr(given, "folder", None), Path):  # a result
        given = folder
    elif isinstance(genome := getattr(given, "genome", None), tuple):  # an architecture
        spec = getattr(given.space, "spec", given.space)
        given = {"space": spec, "genome": list(genome)}
    if isinstance(given, str) and given.lstrip().startswith(("[", "{")):
        return given
    if isinstance(given, str | Path):
        path = absolute(given)
        return str(path if os.path.exists(path) else given)
    try:
        return json.dumps(given)
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"{key} is {shown(given)}; give paths, genomes, choices by name or architectures"
        ) from error


def _sizes(key: str, given: Any) -> str:
    """Sizes by name as a text."""
    if isinstance(given, Mapping):
        return ",".join(f"{n}={whole_number(f'{key} {n}', size, 1)}" for n, size in given.items())
    return text(key, given, "a text such as 'image_size=32,classes=4', or sizes by name")


NUMBER, SWITCH = Kind(float, float, float, _number), Kind(bool, bool, bool, _switch)
LIMITS = Kind(str | Sequence[str], list[str], list[str], _limits)
DATA = Kind(Named, str, str, _data, "data")
START = Kind(Any, list[str], list[str], _start)
SIZES = Kind(str | Mapping[str, int], str, str, _sizes)
TIME = Kind(str | float | timedelta, str, str, _time)
