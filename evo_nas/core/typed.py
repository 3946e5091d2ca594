"""Values of dataclasses, read by their types from tables of our own files.

Types are strict: a truth value is no number, and 1.0 no whole number; a whole number will do for a
float, as TOML and JSON write 1 for 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_type_hints

import tomli_w
from pydantic import TypeAdapter, ValidationError

from evo_nas.errors import EvoNasError, nearest, plain

from .validation import Refusal, shown

Value = TypeVar("Value")

_NAMES = {
    "int_type": "of type int",
    "float_type": "of type float",
    "string_type": "of type str",
    "bool_type": "of type bool",
    "tuple_type": "a list",
    "list_type": "a list",
    "dataclass_type": "a section",
    "dict_type": "a section",
}


def typed(
    kind: type[Value],
    table: Mapping[str, Any],
    source: str | Path,
    refusal: Refusal,
    extra: Literal["forbid"] | None = "forbid",
) -> Value:
    """The dataclass, typed dictionary or model that a table of the file ``source`` holds.

    With ``extra`` None, the model says which other keys there may be.

    Raises:
        EvoNasError: ``refusal``, with file, key and value: a key is unknown or missing, or a value
            of another type; or what the dataclass itself raises, with the file.
    """

    def refuse(value: object) -> str:
        raise refusal(f"{source}: {shown(str(value))} is a date or a time, and nothing here is")

    try:
        text = json.dumps(table, default=refuse)
    except EvoNasError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: a number of too many digits
        raise refusal(f"{source}: a value is too long or nested too deeply") from error
    try:
        value: Value = _adapter(cast(Any, kind)).validate_json(text, strict=True, extra=extra)
        return value
    except ValidationError as error:
        found = error.errors(include_url=False)
    unknown = [each for each in found if each["type"] in _UNKNOWN]
    raise _refused(kind, (unknown or found)[0], source, refusal)


def toml_text(table: Mapping[str, Any]) -> str:
    """The text that :func:`typed` reads the table from; None, which TOML has not, is left out."""
    return tomli_w.dumps(_without_none(table))


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }


_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _refused(kind: Any, error: Any, source: str | Path, refusal: Refusal) -> EvoNasError:
    place, said = error["loc"], error["type"]
    raised = error.get("ctx", {}).get("error")
    key = ".".join(plain(str(part)) for part in place)
    if isinstance(raised, EvoNasError):
        return type(raised)(f"{source}: {f'{key}.' if key else ''}{raised}")
    if said in _UNKNOWN:
        for part in place[:-1]:
            kind = get_type_hints(kind).get(part) if isinstance(kind, type) else None
        hint = f"; {nearest(place[-1], get_type_hints(kind))}" if isinstance(kind, type) else ""
        return refusal(f"{source}: unknown key {key}{hint}")
    if said in ("missing", "missing_argument"):
        return refusal(f"{source}: {key} is missing")
    must = (
        f"must be {_NAMES[said]}"
        if said in _NAMES
        else error["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    )
    return refusal(f"{source}: {key} = {shown(error['input'])} {must}")
