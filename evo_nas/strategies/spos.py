"""Single path one-shot search (Guo et al. 2020), the baseline of the paper's Table 5."""

from __future__ import annotations

from evo_nas.space import Space
from evo_nas.strategies.evolution import Evolution
from evo_nas.strategy import Settings, StagePlan, flat_stage


class Spos(Evolution):
    """One flat stage over all choices, with a supernet trained for as long as all levels' ones."""

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """One stage."""
        return (flat_stage(space, settings),)
