"""When the search of a stage ends, besides by its candidates and its space.

What follows from scores (patience, a goal) is judged after whole generations, so that neither the
number of processes nor a stop changes it. Time passes differently in every process: what it has
ended is kept, and a resumed run goes by that.

Why: docs/decisions/053-ending-by-time.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from evo_nas.errors import EvaluatorError
from evo_nas.search.store.rows import Ending, Why
from evo_nas.search.store.store import Store
from evo_nas.space.space import Space
from evo_nas.strategies.base import Scored, StagePlan, Strategy
from evo_nas.strategies.checks import aims_of

from .clock import Clock
from .rules import Rules

_FACT = "endings"


def shares(stages: Sequence[StagePlan]) -> dict[str, float]:
    """Until which share of a run's time each stage searches: they have equal parts of it."""
    scored = [stage.name for stage in stages if stage.scored]
    return {name: number / len(scored) for number, name in enumerate(scored, start=1)}


class StageEnd:
    """Decides when the search of one ``stage`` ends, and keeps why it did.

    Time may end it amid a generation, though not before as many candidates as it has finalists are
    scored and accepted; after a whole generation one will do. A ``wish`` of a callback that
    it ends is kept at once: it is not said again when the run is resumed.
    """

    def __init__(
        self,
        rules: Rules,
        stage: StagePlan,
        strategy: Strategy,
        store: Store,
        clock: Clock | None = None,
        share: float = 1.0,
        wish: Callable[[], str] = str,
    ) -> None:
        self.rules, self._stage, self._strategy, self._store = rules, stage, strategy, store
        self._clock, self._until = clock, share * (rules.seconds or 0)
        self._wish = wish
        kept: Ending | None = (store.fact(_FACT) or {}).get(stage.name)
        self._kept = kept if kept and kept.why in ("time", "callback") else None
        self.scored = self._accepted = 0
        self._generation = self._improved = -1
        self._front: list[tuple[float, ...]] = []

    def cuts(self, generation: int, scored: int, accepted: Iterable[bool]) -> bool:
        """Whether no more of a generation is to be scored, of which so many are.

        ``accepted`` says of each of them whether it is.
        """
        if self._kept is None and (said := self._wish()):
            self._kept = Ending(
                "callback", generation, self.scored + scored, self._stage.candidates, said
            )
            self._write(self._kept)
        if self._kept is not None:
            last = self._kept.why == "time" and generation == self._kept.generation
            return last and self.scored + scored >= self._kept.candidates
        return self._over and self._accepted + sum(accepted) >= self._stage.finalists

    def after(
        self,
        generation: int,
        told: Sequence[Scored],
        scored: int,
        best: Scored | None,
        space: Space,
    ) -> Why | None:
        """Why the search ends with this generation, of which so many were ``scored``, if it does.

        ``best`` is the best so far, a genome of ``space``.
        """
        self._generation = generation
        self.scored += scored
        accepted = [one for one in told if one.accepted]
        self._accepted += len(accepted)
        if self.rules.patience is not None:
            self._look(generation, accepted)
        over = self._kept if self._kept and generation >= self._kept.generation else None
        if scored < len(told) or (over and over.why == "time"):
            return "time"
        if best is None:
            return None
        if over:
            return "callback"
        if self.rules.until is not None and self._value(best, space) in self.rules.until:
            return "until"
        patience = self.rules.patience
        if patience is not None and generation - self._improved >= patience:
            return "patience"
        # What was scored before a stop is told first: only what is new costs time.
        new = self._over and self._kept is None
        following = (self._stage.name, "search", generation + 1)
        return "time" if new and not self._store.evaluations(*following) else None

    def keep(self, why: Why | None) -> Ending:
        """Write down why the search has ended; None where nothing is left to be scored."""
        done, of = self.scored, self._stage.candidates
        why = "samples" if done >= of else why or "space"
        said = self._kept.said if self._kept and why == "callback" else ""
        ending = Ending(why, self._generation, done, of, said)
        self._write(ending)
        return ending

    def _write(self, ending: Ending) -> None:
        kept = self._store.fact(_FACT) or {}
        if kept.get(self._stage.name) != ending:
            now = {**kept, self._stage.name: ending}
            self._store.set_fact(_FACT, {name: asdict(each) for name, each in now.items()})

    @property
    def _over(self) -> bool:
        return self._clock is not None and self._clock.elapsed >= self._until

    def _look(self, generation: int, accepted: Sequence[Scored]) -> None:
        """Note whether the front of what is sought has grown, as its hypervolume does then."""
        for one in accepted:
            new = aims_of(self._strategy, one)
            if not any(_covers(old, new) for old in self._front):
                self._front = [*(old for old in self._front if not _covers(new, old)), new]
                self._improved = generation

    def _value(self, best: Scored, space: Space) -> float:
        assert self.rules.until is not None
        metric = self.rules.until.metric
        values = {**space.costs(best.genome), **best.metrics}
        if metric not in values:
            raise EvaluatorError(
                f"until: no candidate has {metric!r}, of which there are "
                f"{', '.join(sorted(values))}; start a new run with one of these"
            )
        return values[metric]


def _covers(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether nothing of the other is better."""
    return all(a >= b for a, b in zip(one, other, strict=True))
