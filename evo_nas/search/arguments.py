"""What Python users give to a run, as it is kept: numbers as texts, one limit as a list of one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias

from evo_nas.core.plugins.specs import spec_of
from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError
from evo_nas.sampling.limits import exact_amount

Amount: TypeAlias = str | float | None
Named: TypeAlias = (
    str | object
)  # a spec, or what :func:`evo_nas.core.plugins.specs.spec_of` finds one for
_PLUGINS = {
    "space": "space",
    "strategy": "strategy",
    "evaluator": "evaluator",
    "retrainer": "evaluator",
    "data": "data",
}
_AMOUNTS = {"flops": "1.4e9 or '1.4G'", "params": "6e6 or '6M'", "latency": "15 or '15ms'"}
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "supernet": ((str, Path), "the folder of a run"),
    "run_dir": ((str, Path), "a new folder"),
    "geometry": ((str,), "a text such as 'proxy' or 'proxy,width=96'"),
    "recipe": ((str,), "a name, or the path of a TOML file, as a text"),
    "device": ((str,), "a text such as 'cpu' or 'cuda'"),
    "stage": ((str,), "the name of a stage"),
    "protocol": ((str,), "'paper', 'equal' or 'both'"),
    "inherit": ((bool,), "True or False"),
}
_NUMBERS = ("failures", "time_limit", "finalist_time_limit")


def amount_text(key: str, given: Amount) -> str | None:
    """A budget as a text: a number is written without rounding.

    Raises:
        SettingsError: it is neither a text nor a finite number.
    """
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, bool) or not isinstance(given, Real | Decimal) or not math.isfinite(given):
        raise SettingsError(f"{key} is {shown(given)}; give an amount such as {_AMOUNTS[key]}")
    if key != "latency" and given == int(given) and given >= 1:
        return exact_amount(int(given))
    return f"{Decimal(repr(float(given))):f}"


def limit_texts(given: str | Sequence[str]) -> list[str]:
    """Limits as a list of texts; one alone may be given as it is.

    Raises:
        SettingsError: it is no text, and no list of texts.
    """
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise SettingsError(f"limits is {shown(given)}; give texts, as ['params<=6M']")
    return list(texts)


def check_types(given: Mapping[str, object]) -> None:
    """Raise a SettingsError that names the first argument of a wrong type; None is left alone."""
    for key, value in given.items():
        if value is None:
            continue
        types, expected = _TYPES.get(key, ((object,), ""))
        if not isinstance(value, types):
            raise SettingsError(f"{key} is {shown(value)}; give {expected}")
        if key in _NUMBERS:
            number(key, value)


def whole_number(key: str, given: Any) -> int:
    """The whole number that was given, by whatever library, as Python's.

    Raises:
        SettingsError: it is none.
    """
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise SettingsError(f"{key} is {shown(given)}; it must be a whole number")
    return int(given)


def number(key: str, given: Any) -> float:
    """The number that was given; raises a SettingsError if it is none."""
    if isinstance(given, bool) or not isinstance(given, Real):
        raise SettingsError(f"{key} is {shown(given)}; it must be a number")
    return float(given)


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run as texts and numbers, as they can be written to a file."""
    check_types(options)
    found = dict(options)
    for key, value in options.items():
        if value is None:
            continue
        if key in _PLUGINS:
            found[key] = spec_of(key, _PLUGINS[key], value)
        elif key in _AMOUNTS:
            found[key] = amount_text(key, value)
        elif key == "limits":
            found[key] = limit_texts(value)
        elif key == "first_seed":
            found[key] = whole_number(key, value)
        elif isinstance(value, Path):
            found[key] = str(value)
    return found
