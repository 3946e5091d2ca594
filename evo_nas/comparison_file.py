"""Reading comparison.toml, with every value checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from . import api
from .errors import RunError
from .inputs import read_toml, shown
from .known_code import check_known
from .limits import parse_limit
from .strategy import Settings

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
        "str": str, "int": int, "float": float, "bool": bool, "Path": str, "Sequence[str]": list,
    }  # fmt: skip
    return {
        name: tuple(kind for word in text.split(" | ") if (kind := kinds.get(word)))
        + ((int,) if "float" in text else ())
        for name, text in annotations.items()
    }


def _is_list(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(type(each) is kind for each in value)


def _are_seeds(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_seed, value))


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


_OPTIONS = _option_types()
_RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "strategies": (_is_list(str), "a list of strategies"),
    "seeds": (
        _are_seeds,
        "a list of whole numbers from 0 up",
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
    options = table["options"]
    for key, value in options.items():
        strings = not isinstance(value, list) or _is_list(str)(value)
        if key not in _OPTIONS or not isinstance(value, _OPTIONS[key]) or not strings:
            raise RunError(f"{path}: options.{key} = {shown(value)} is no option of a run")
    check_known([*table["strategies"], *specs_in(options)], path)
    return table


def specs_in(options: Mapping[str, Any]) -> list[str]:
    """The plug-ins that options name, with those that measure for limits.

    Raises:
        BudgetError: a limit is malformed.
    """
    named = [str(options[key]) for key in SPECS if options.get(key) is not None]
    return named + [parse_limit(text).spec for text in options.get("limits", ())]
