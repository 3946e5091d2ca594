"""Values of limited metrics that an evaluator measures, each network once.

What was measured decides what is proposed. So every value is kept in a file of the run before it is
used, and a resumed run reads it instead of measuring again: a time is never the same twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from . import registry
from .errors import EvaluatorError
from .evaluator import EvaluationContext, Evaluator, Failure
from .failures import in_short
from .limits import Limit
from .measuring import Ledger
from .outcomes import open_evaluator, outcome_of
from .scorecache import ScoreCache
from .space import Genome, Space

FILE = "limits.sqlite"
Spend = Callable[[str, float, Ledger], None]  # by what, in seconds and images


class LimitMeasurer:
    """Measures full genomes of ``space`` with the evaluators that limits name.

    ``context`` gives what the evaluator of a spec works with, and ``spend`` writes down what it
    takes.
    """

    def __init__(
        self, folder: Path, space: Space, context: Callable[[str], EvaluationContext], spend: Spend
    ) -> None:
        self._folder, self._space, self._context, self._spend = folder, space, context, spend
        self._opened: dict[str, tuple[Evaluator, EvaluationContext]] = {}
        self._caches: dict[str, ScoreCache] = {}

    def value(self, limit: Limit, full: Genome) -> float:
        """The metric that ``limit`` names; not a number if the network cannot be measured.

        Raises:
            EvaluatorError: the evaluator has no such metric.
        """
        evaluator = self._evaluator(limit.spec)
        metrics = self._metrics(limit.spec, full)
        if not metrics:
            return float("nan")
        name = limit.metric.partition("#")[2] or evaluator.objectives[0].name
        if name not in metrics:
            raise EvaluatorError(
                f"limit {limit}: evaluator {limit.spec} has no metric {name!r}; it has "
                f"{', '.join(sorted(metrics))}"
            )
        return metrics[name]

    def close(self) -> None:
        """Release the evaluators and the files."""
        for evaluator, _ in self._opened.values():
            evaluator.close()
        for cache in self._caches.values():
            cache.close()

    def _metrics(self, spec: str, full: Genome) -> Mapping[str, float]:
        """What is known of the network, or is measured now; empty if that failed."""
        if spec not in self._caches:
            self._caches[spec] = ScoreCache(self._folder / FILE, spec)
        cache = self._caches[spec]
        known = cache.get([full])
        if full not in known:
            known[full] = dict(self._measure(spec, full))
            cache.put(known)
        return known[full]

    def _measure(self, spec: str, full: Genome) -> Mapping[str, float]:
        evaluator, context = self._open(spec)
        began, before = time.perf_counter(), replace(context.ledger)
        try:
            outcome = outcome_of(evaluator, full)
        finally:
            self._spend(spec, time.perf_counter() - began, context.ledger - before)
        if isinstance(outcome, Failure):  # this network meets no limit
            told = in_short(outcome.reason)
            context.progress.say(f"a network could not be measured by {spec}: {told}")
            return {}
        return outcome

    def _evaluator(self, spec: str) -> Evaluator:
        if spec in self._opened:
            return self._opened[spec][0]
        evaluator: Evaluator = registry.load("evaluator", spec)
        return evaluator

    def _open(self, spec: str) -> tuple[Evaluator, EvaluationContext]:
        if spec not in self._opened:
            evaluator: Evaluator = registry.load("evaluator", spec)
            context = self._context(spec)
            context.folder.mkdir(parents=True, exist_ok=True)
            open_evaluator(evaluator, self._space, context)
            self._opened[spec] = evaluator, context
        return self._opened[spec]
