"""Hierarchical search: level by level."""

from __future__ import annotations

from evo_nas.space.space import Space

from .base import Settings, StagePlan
from .evolution import Evolution


class Hierarchical(Evolution):
    """A stage for each level of the space; each starts from the best finalist of the one before.

    Source: Chen et al. 2021, "GLiT", section 3.3.
    """

    def plan(self, space: Space, settings: Settings) -> tuple[StagePlan, ...]:
        """One stage a level."""
        return tuple(
            StagePlan(
                name=f"stage{number}",
                level=level,
                candidates=settings.samples,
                finalists=settings.finalists,
                final=level == space.levels[-1],
            )
            for number, level in enumerate(space.levels, start=1)
        )
