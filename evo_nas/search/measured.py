"""Values of limited metrics that an evaluator measures, each network once.

What was measured decides what is proposed. So every value is kept in a file of the run before it is
used, and a resumed run reads it instead of measuring again: a time is never the same twice.

Networks are measured one at a time; evaluators that say ``in_workers`` do so in a worker process,
so that one that hangs or dies meets no limit, and costs no more than that.

Why: docs/decisions/007-measured-limits.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError, in_short
from evo_nas.evaluation.dispatch import AtWork
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Failure
from evo_nas.evaluation.score_cache import ScoreCache
from evo_nas.sampling.limits import Limit
from evo_nas.search.store.store import Store
from evo_nas.space.space import Genome, Space
from evo_nas.training.ledger import Ledger

FILE = "limits.sqlite"
_STAGE = "limits"  # under which the store keeps what measuring takes, and notes
_HOPELESS = 10  # networks that could not be measured, when none could
_REASONS = 10  # different ones that are kept


class LimitMeasurer:
    """Measures full genomes of ``space`` with the evaluators that limits name.

    ``context`` gives what the evaluator of a spec works with. What it takes, and why networks could
    not be measured, is written to ``store``. ``time_limit`` is in seconds for each network, 0 for
    none.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        context: Callable[[str], EvaluationContext],
        store: Store,
        time_limit: float = 0,
    ) -> None:
        self._folder, self._space, self._context = folder, space, context
        self._store, self._time_limit = store, time_limit
        self.watch: Callable[[], None] = lambda: None  # raises where a value is not to be kept
        self._opened: dict[str, AtWork] = {}
        self._caches: dict[str, ScoreCache] = {}
        self._seen: dict[str, dict[Genome, bool]] = {}  # by spec: whether it could be measured

    def value(self, limit: Limit, full: Genome) -> float:
        """The metric that ``limit`` names; not a number if the network cannot be measured,
        or was filtered out before it was.

        Raises:
            EvaluatorError: the evaluator has no such metric, or none of the first ten networks
                could be measured.
        """
        evaluator = self._evaluator(limit.spec)
        metrics = self._metrics(limit.spec, full)
        self._seen.setdefault(limit.spec, {})[full] = bool(metrics)
        if not metrics:
            self._check_hope(limit)
        if not metrics or not evaluator.accepts(metrics):
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
        for work in self._opened.values():
            work.close()
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
        if spec not in self._opened:
            self._opened[spec] = self._open(spec)
        work, name = self._opened[spec], registry.short(spec)
        began, images = time.perf_counter(), Ledger()
        try:
            ((_, answer),) = work.answers([full])
            images = answer.images
            self.watch()
        finally:
            earlier = self._store.images().get((_STAGE, name), Ledger())
            self._store.spend(_STAGE, name, time.perf_counter() - began, earlier + images)
        outcome = answer.outcome
        if isinstance(outcome, Failure):  # this network meets no limit
            line = f"{_told(spec)}{in_short(outcome.reason)}"
            work.context.progress.say(line)
            if len(self._reasons(spec)) < _REASONS:
                self._store.add_notes(_STAGE, [line])
            return {}
        return outcome

    def _open(self, spec: str) -> AtWork:
        evaluator, context = self._evaluator(spec), self._context(spec)
        # Networks are measured one at a time.
        at_once = 1 if evaluator.in_workers else context.jobs
        work = AtWork(evaluator, self._space, replace(context, jobs=at_once), self._time_limit)
        work.context.take()  # what it takes to open it is not counted
        return work

    def _check_hope(self, limit: Limit) -> None:
        """Stop where nothing at all can be measured, instead of trying hundreds of networks."""
        seen = self._seen[limit.spec]
        if len(seen) >= _HOPELESS and not any(seen.values()):
            reasons = self._reasons(limit.spec)
            why = f" ({reasons[-1]})" if reasons else ""
            raise EvaluatorError(
                f"limit {limit}: none of the first {len(seen)} networks could be measured{why}; "
                "mend the evaluator, or leave the limit out"
            )

    def _reasons(self, spec: str) -> list[str]:
        """Why networks could not be measured, so far."""
        told = _told(spec)
        kept = self._store.notes().get(_STAGE, [])
        return [line.removeprefix(told) for line in kept if line.startswith(told)]

    def _evaluator(self, spec: str) -> Evaluator:
        if spec in self._opened:
            return self._opened[spec].evaluator
        evaluator: Evaluator = registry.load("evaluator", spec)
        return evaluator


def _told(spec: str) -> str:
    return f"a network could not be measured by {registry.short(spec)}: "
