"""What can be named on the command line, each with a line about it."""

from __future__ import annotations

import re

from . import registry
from .api import RUNS
from .budget import format_amount
from .errors import EvoNasError, SpecError, nearest
from .limiting import describe_limits
from .result import load_result
from .runfolder import CONFIG

_KINDS = {
    "spaces": "space",
    "evaluators": "evaluator",
    "strategies": "strategy",
    "data": "data",
    "networks": "network",
}


def listing(what: str) -> dict[str, str]:
    """Names with what they are; a plug-in that cannot be imported is listed with the reason.

    Raises:
        SpecError: there is no such list.
    """
    if what == "runs":
        return _runs()
    if what not in _KINDS:
        raise SpecError(f"there is no list {what!r}; {nearest(what, [*_KINDS, 'runs'])}")
    return {name: _about(_KINDS[what], name) for name in registry.names(_KINDS[what])}


def _about(kind: str, name: str) -> str:
    try:
        documentation = registry.find(kind, name).__doc__ or ""
    except EvoNasError as error:
        return str(error)
    first = documentation.strip().partition("\n\n")[0].split("\n")
    line = first[0] if first[0].endswith(".") else " ".join(part.strip() for part in first)
    return re.sub(r":\w+:(?=`)|`", "", line)  # as it is read, without marks for a site of docs


def _runs() -> dict[str, str]:
    told = {}
    for folder in sorted(RUNS.glob("*")):
        if not (folder / CONFIG).is_file():
            continue
        try:
            result = load_result(folder)
        except EvoNasError as error:
            told[str(folder)] = str(error)
            continue
        state = f"unfinished, {len(result.evaluations):,} evaluations"
        if result.best is not None:
            flops = format_amount(result.best["target"]["flops"])
            state = f"finished, {flops} FLOPs"
            for kind in ("validation_accuracy", "accuracy"):
                if (accuracy := result.best["measured"].get(kind)) is not None:
                    state += f", {kind.replace('_', ' ')} {accuracy:.4f}"
        space = registry.short(result.config.space)
        within = describe_limits(result.config.flops, result.config.limits)
        told[str(folder)] = f"{space} within {within}, {state}"
    return told
