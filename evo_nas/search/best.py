"""Reading best.json, the architecture that a run delivers, with every value checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evo_nas.core.validation import Rule, check_values, is_genome, is_number, read_json
from evo_nas.errors import RunError
from evo_nas.space.architecture import check_seal


def _is_cost(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool) or is_number(value)


_NUMBER: Rule = (is_number, "a finite number")
_COST: Rule = (_is_cost, "a whole number from 0 up")
_RULES: Mapping[str, Rule] = {
    "space": (_is_name, "the spec of a space"),
    "genome": (is_genome, "a list of option numbers"),
    "choices": (_is_table, "an object of options by choice"),
    "target": (_is_table, "an object of costs"),
    "measured": (_is_table, "an object of what was measured"),
}
_TARGET: Mapping[str, Rule] = {"flops": _COST, "params": _COST}
_MEASURED: Mapping[str, Rule] = {
    "by": (_is_name, "a spec"),
    "data": (_is_name, "a spec"),
    "fingerprint": (_is_name, "a text"),
    "geometry": (_is_table, "an object of sizes"),
    "separated_from_second": (lambda value: isinstance(value, bool), "true or false"),
}


def read_best(path: Path) -> dict[str, Any] | None:
    """The content of best.json; None if there is no such file.

    Raises:
        RunError: it cannot be read, or a value in it is none that evo-nas writes.
    """
    if not path.exists():
        return None
    best = read_json(path, RunError)
    if not isinstance(best, dict):
        raise RunError(f"{path} is no architecture file: it holds no JSON object")
    check_values(best, _RULES, path, "")
    check_values(best["target"], _TARGET, path, "target.")
    measured = best["measured"]
    check_values(measured, {"by": _MEASURED["by"], "data": _MEASURED["data"]}, path, "measured.")
    check_values(
        measured, {key: _MEASURED.get(key, _NUMBER) for key in measured}, path, "measured."
    )
    limits = best.get("limits", {})
    check_values({"limits": limits}, {"limits": (_is_table, "an object of values by limit")}, path)
    check_values(limits, dict.fromkeys(limits, _NUMBER), path, "limits.")
    under = best.get("measured_under", {})
    texts = "an object of texts by limit or evaluator"
    check_values({"": under}, {"": (_is_table, texts)}, path, "measured_under")
    check_values(under, dict.fromkeys(under, (_is_name, "a text")), path, "measured_under.")
    options = dict.fromkeys(best["choices"], (_is_plain, "a number or a text"))
    check_values(best["choices"], options, path, "choices.")
    sizes = measured.get("geometry", {})
    check_values(sizes, dict.fromkeys(sizes, _COST), path, "measured.geometry.")
    check_seal(best, path, RunError)
    return best
