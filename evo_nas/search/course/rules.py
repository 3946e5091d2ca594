"""What may end the search of a stage before all its candidates are scored, as a user says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evo_nas.core.console import duration
from evo_nas.errors import BudgetError, SettingsError, counted
from evo_nas.sampling.limits import Limit, parse_limit

from .duration import read_duration

if TYPE_CHECKING:
    from evo_nas.search.store.rows import Ending


@dataclass(frozen=True, slots=True)
class Rules:
    """What may end a search early: ``seconds`` of a run, ``patience`` in generations, a goal."""

    seconds: float | None = None
    patience: int | None = None
    until: Limit | None = None

    @classmethod
    def read(cls, time: str | None, patience: int | None, until: str | None) -> Rules:
        """Those that the options say.

        Raises:
            SettingsError: one is malformed.
        """
        if patience is not None and patience < 1:
            raise SettingsError(f"patience is {patience}; it must be 1 generation or more")
        try:
            goal = None if until is None else parse_limit(until)
        except BudgetError as error:
            raise SettingsError(f"until: {error}") from error
        return cls(None if time is None else read_duration("time", time), patience, goal)

    def tell(self, ending: Ending) -> str:
        """Why a search has ended, in words."""
        done = f"{ending.candidates:,}"
        if ending.why == "space":
            return f"space exhausted, all {done} candidates evaluated"
        reason = {
            "samples": "these are all",
            "time": f"its part of {duration(self.seconds or 0)} is over",
            "patience": f"nothing better in {counted(self.patience or 0, 'generation')}",
            "until": f"its best has {self.until}",
            "callback": f"callback {ending.said}",
        }[ending.why]
        told = f"{done} of {ending.of:,} candidates"
        return f"ended after generation {ending.generation + 1}, {told}: {reason}"

    def plan(self, shares: Mapping[str, float]) -> list[str]:
        """What may end the searches of stages, by the share of the run's time that ends each."""
        told = []
        if self.seconds is not None:
            ends = [
                f"{name} after {duration(share * self.seconds)}" for name, share in shares.items()
            ]
            told.append(f"{', '.join(ends)} of the run; finalists and the final test come then")
        if self.patience is not None:
            told.append(f"after {counted(self.patience, 'generation')} without a better candidate")
        if self.until is not None:
            told.append(f"when the best has {self.until}")
        return told
