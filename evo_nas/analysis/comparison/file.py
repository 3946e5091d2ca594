"""Reading comparison.toml, with every value checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from evo_nas import api
from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.validation import is_number, read_toml, shown
from evo_nas.errors import BudgetError, RunError, nearest, plain
from evo_nas.sampling.limits import parse_limit
from evo_nas.strategies.base import Settings

# Options that name plug-ins, and of which kind.
SPECS: Mapping[str, str] = {
    "space": "space", "evaluator": "evaluator", "retrainer": "evaluator", "data": "data",
}  # fmt: skip


def _option_types() -> dict[str, tuple[type, ...]]:
    """What the options in a comparison's file may be, from the arguments and settings of a run."""
    annotations = {
        name: str(parameter.annotation)
        for name, parameter in inspect.signature(api.prepare).parameters.items()
        if name not in ("strategy", "seed", "run_dir", "settings")
    }
    annotations |= {field.name: str(field.type) for field in fields(Settings)}
    kinds: dict[str, type] = {
        "str": str, "int": int, "float": float, "bool": bool, "Path": str, "Named": str,
        "Amount": str,
    }  # fmt: skip
    found = {
        name: tuple(kind for word in text.split(" | ") if (kind := kinds.get(word)))
        + ((int,) if "float" in text else ())
        for name, text in annotations.items()
    }
    return found | {"limits": (list,)}


def _is_list(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(type(each) is kind for each in value)


def _are_seeds(value: object) -> bool:
    if not isinstance(value, list) or not all(map(_is_seed, value)):
        return False
    return 0 < len(set(value)) == len(value)


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


_OPTIONS = _option_types()


def _is_option(key: str, value: object) -> bool:
    if isinstance(value, list):
        return list in _OPTIONS.get(key, ()) and _is_list(str)(value)
    fits = type(value) in _OPTIONS.get(key, ())
    return fits and (isinstance(value, str | bool) or is_number(value))


_RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "strategies": (_is_list(str), "a list of strategies"),
    "seeds": (
        _are_seeds,
        "a list of different whole numbers from 0 up",
    ),
    "protocols": (_is_list(str), "a list of protocols"),
    "jobs": (lambda value: type(value) is int and 1 <= value <= 4096, "a number from 1 to 4096"),
    "options": (lambda value: isinstance(value, dict), "a table of options"),
}


def read_comparison(path: Path) -> dict[str, Any]:
    """The content of the file.

    Raises:
        RunError: it cannot be read, or a value in it is none that evo-nas writes.
        SpecError: it names code that is not known here.
    """
    table = read_toml(path, RunError)
    for key, (fits, rule) in _RULES.items():
        if key not in table or not fits(table[key]):
            raise RunError(f"{path}: {key} is {shown(table.get(key))}, not {rule}")
    for key in table.keys() - _RULES.keys():
        raise RunError(f"{path}: unknown key {shown(key)}; {nearest(key, _RULES)}")
    options = table["options"]
    for key, value in options.items():
        if not _is_option(key, value):
            told = f"options.{plain(key)} = {shown(value)}"
            raise RunError(f"{path}: {told} is no option of a run")
    try:
        named = specs_in(options)
    except BudgetError as error:
        raise RunError(f"{path}: options.limits: {error}") from error
    check_known([*table["strategies"], *named], path)
    return table


def specs_in(options: Mapping[str, Any]) -> list[str]:
    """The plug-ins that options name, with those that measure for limits.

    Raises:
        BudgetError: a limit is malformed.
    """
    named = [str(options[key]) for key in SPECS if options.get(key) is not None]
    return named + [parse_limit(text).spec for text in options.get("limits", ())]
