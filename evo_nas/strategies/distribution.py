"""The paper's "only distribution": how many heads are global, block by block, and no more."""

from __future__ import annotations

from evo_nas.space.space import Space

from .base import Settings, StagePlan
from .evolution import Evolution


class Distribution(Evolution):
    """The first level only; what later levels would decide stays at the space's details.

    Source: Chen et al. 2021, "GLiT", section 4.2, Table 4.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """One stage, which is final: the genome's own cost has to meet the budget."""
        return (StagePlan("stage1", space.levels[0], settings.samples, settings.finalists),)
