"""Whether a search measures times, which other work beside it would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.sampling.limits import parse_limit
from evo_nas.search.limits import names_evaluator


def measures_times(options: Mapping[str, Any]) -> bool:
    """Whether an evaluator that these arguments of a run name is not ``repeatable``."""
    return any(not evaluator.repeatable for evaluator in _evaluators(options))


def _evaluators(options: Mapping[str, Any]) -> Iterator[Evaluator]:
    """Those that score, confirm and measure what is limited."""
    scorer: Evaluator = registry.load("evaluator", options.get("evaluator") or "supernet")
    yield scorer
    yield registry.load("evaluator", options.get("retrainer") or scorer.retrainer)
    if options.get("latency") is not None:
        yield registry.load("evaluator", "latency")
    for limit in map(parse_limit, options.get("limits") or ()):
        if names_evaluator(limit):
            yield registry.load("evaluator", limit.spec)
