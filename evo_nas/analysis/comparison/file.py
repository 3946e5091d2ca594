"""Reading comparison.toml, with every value checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.typed import typed
from evo_nas.core.validation import is_number, read_toml, shown
from evo_nas.errors import BudgetError, RunError, plain
from evo_nas.sampling.limits import parse_limit
from evo_nas.search.options import OPTIONS

# Options that name plug-ins, and of which kind.
SPECS: Mapping[str, str] = {
    "space": "space", "evaluator": "evaluator", "retrainer": "evaluator", "data": "data",
}  # fmt: skip
# What a comparison varies is no option of all its runs.
SHARED = tuple(name for name in OPTIONS if name not in ("strategy", "seed", "run_dir"))
_Options: Any = TypedDict(  # type: ignore[misc]
    "_Options", {name: OPTIONS[name].kind.kept for name in SHARED}, total=False
)


class _File(TypedDict):
    strategies: list[str]
    seeds: list[int]
    protocols: list[str]
    jobs: int
    options: _Options


def read_comparison(path: Path) -> dict[str, Any]:
    """The content of the file.

    Raises:
        RunError: it cannot be read, or a value in it is none that evo-nas writes.
        SpecError: it names code that is not known here.
    """
    table: Any = typed(_File, read_toml(path, RunError), path, RunError)
    seeds, options = table["seeds"], table["options"]
    if not seeds or len(set(seeds)) < len(seeds) or not 0 <= min(seeds) <= max(seeds) < 2**63:
        raise RunError(
            f"{path}: seeds is {shown(seeds)}, not a list of different whole numbers from 0 up"
        )
    if not 1 <= table["jobs"] <= 4096:
        raise RunError(f"{path}: jobs is {shown(table['jobs'])}, not a number from 1 to 4096")
    for key, value in options.items():
        if not isinstance(value, str | list | bool) and not is_number(value):
            told = f"options.{plain(key)} = {shown(value)}"
            raise RunError(f"{path}: {told} must be a finite number of 64 bits")
    try:
        named = specs_in(options)
    except BudgetError as error:
        raise RunError(f"{path}: options.limits: {error}") from error
    check_known([*table["strategies"], *named], path)
    return dict(table)


def specs_in(options: Mapping[str, Any]) -> list[str]:
    """The plug-ins that options name, with those that measure for limits.

    Raises:
        BudgetError: a limit is malformed.
    """
    named = [str(options[key]) for key in SPECS if options.get(key) is not None]
    return named + [parse_limit(text).spec for text in options.get("limits", ())]
