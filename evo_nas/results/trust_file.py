"""Reading a trust report's file, with every value checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.validation import Rule, check_values, is_genome, is_number, read_json
from evo_nas.errors import RunError, plain


def _is_number(value: object) -> bool:
    return type(value) is float or is_number(value)  # a correlation may be NaN


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


_TEXT: Rule = (lambda value: isinstance(value, str), "a text")
_NUMBER: Rule = (_is_number, "a number")
_COUNT: Rule = (lambda value: type(value) is int and 0 <= value < 2**63, "a whole number")
_NUMBER_OR_NULL: Rule = (lambda value: value is None or _is_number(value), "a number or null")
_OBJECT: Rule = (lambda value: isinstance(value, dict), "an object")
_OBJECT_OR_NULL: Rule = (
    lambda value: value is None or isinstance(value, dict),
    "an object",
)
_OBJECTS: Rule = (_are_objects, "a list of objects, one at least")
_REPORT: Mapping[str, Rule] = {
    **dict.fromkeys(("stage", "evaluator", "against"), _TEXT),
    **dict.fromkeys(("epochs", "candidates"), _COUNT),
    **dict.fromkeys(("score_standard_error", "score_reliability"), _NUMBER_OR_NULL),
    **dict.fromkeys(("agreements", "networks"), _OBJECTS),
    "repeat_noise": _OBJECT_OR_NULL,
    "the_same_for_all": (_are_texts, "a list of texts"),
}
_AGREEMENT: Mapping[str, Rule] = {
    "name": _TEXT,
    "kendall": _OBJECT,
    "spearman": _OBJECT,
    "score_minus_this": _OBJECT_OR_NULL,
}
_ESTIMATE: Mapping[str, Rule] = {
    **dict.fromkeys(("value", "low", "high"), _NUMBER),
    "enough": (lambda value: isinstance(value, bool), "true or false"),
}
_NOISE = dict.fromkeys(("deviation", "tau", "ceiling"), _NUMBER)
_NETWORK: Mapping[str, Rule] = {
    "genome": (is_genome, "a list of option numbers"),
    "against": _OBJECTS,
}


def read_document(path: Path) -> dict[str, Any]:
    """The content of a report, as :func:`evo_nas.results.trust_report.trust_document` makes it.

    Raises:
        RunError: it cannot be read, or a value in it is none that evo-nas writes.
        SpecError: it names code that is not known here.
    """
    document = read_json(path, RunError)
    if not isinstance(document, dict):
        raise RunError(f"{path} is no trust report: it holds no JSON object")
    check_values(document, _REPORT, path)
    check_values(document, {"failed": _COUNT} if "failed" in document else {}, path)
    for number, each in enumerate(document["agreements"]):
        place = f"agreements.{number}."
        check_values(each, _AGREEMENT, path, place)
        for key in ("kendall", "spearman", "score_minus_this"):
            _check_all(each[key], _ESTIMATE, path, f"{place}{key}.")
    _check_all(document["repeat_noise"], _NOISE, path, "repeat_noise.")
    for number, row in enumerate(document["networks"]):
        check_values(row, _NETWORK, path, f"networks.{number}.")
        for metrics in row["against"]:
            check_values(
                metrics, dict.fromkeys(metrics, _NUMBER), path, f"networks.{number}.against."
            )
    check_known([document["evaluator"], document["against"]], path)
    return document


def _check_all(
    table: dict[str, Any] | None, rules: Mapping[str, Rule], path: Path, prefix: str
) -> None:
    """Check an object, which may be null, and that it holds nothing else."""
    if table is None:
        return
    check_values(table, rules, path, prefix)
    for key in table.keys() - rules.keys():
        raise RunError(f"{path}: unknown key {prefix}{plain(key)}")
