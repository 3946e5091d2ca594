"""Single path one-shot search, the baseline of the paper's Table 5."""

from __future__ import annotations

from evo_nas.space.space import Space

from .base import Settings, StagePlan, flat_stage
from .evolution import Evolution


class Spos(Evolution):
    """One flat stage over all choices, with a supernet trained for as long as all levels' ones.

    Source: Guo et al. 2020, "Single Path One-Shot Neural Architecture Search with Uniform
    Sampling", section 3.4, algorithm 1.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """One stage."""
        return (flat_stage(space, settings),)
