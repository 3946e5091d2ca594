"""Sizes of a space, searched whole or level by level (GLiT, sections 3.2 and 3.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .space import Genome, Space


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of combinations.

    ``every`` is of all options, whether active or not, ``levels`` of the options that each level
    decides. ``stages`` are the fewest and most genomes that a search of a level has to look among,
    over all that earlier levels can decide; of what is inactive only one option counts there.
    """

    every: int
    levels: Mapping[int, int]
    stages: Mapping[int, tuple[int, int]]

    @property
    def by_levels(self) -> int:
        """The sum over levels: the genomes that a search by levels chooses from."""
        return sum(self.levels.values())

    @property
    def reduction(self) -> float:
        """The factor by which a search by levels has fewer genomes to choose from."""
        return self.every / max(self.by_levels, 1)  # a space without choices has no levels


def sizes(space: Space) -> Sizes:
    """The sizes of a space."""
    levels = dict.fromkeys(space.levels, 1)
    for choice in space.choices:
        levels[choice.level] *= len(choice.options)
    return Sizes(
        every=math.prod(levels.values()),
        levels=levels,
        stages={level: stage_sizes(space, level) for level in space.levels},
    )


def stage_sizes(space: Space, level: int) -> tuple[int, int]:
    """The fewest and most genomes of a level's stage, over all that earlier levels can decide."""
    totals = [_stage_sizes(space, level, context) for context in space.contexts]
    return min(low for low, _ in totals), max(high for _, high in totals)


def _stage_sizes(space: Space, level: int, context: Genome) -> tuple[int, int]:
    """The fewest and most genomes of a stage under one context of earlier levels."""
    stage = space.stage(level, space.fill(space.given(context)))
    fewest = [1] * len(stage.contexts)
    most = [1] * len(stage.contexts)
    for slot, positions in space.slots.items():
        kept = {i for i in positions if space.choices[i].level < level} | set(space.context)
        values = [space.place(slot, context, v) for v in space.slot_values(slot, context)]
        decided = {tuple(g if i in kept else 0 for i, g in enumerate(genome)) for genome in values}
        stages = [space.stage(level, genome) for genome in decided]
        for number, free in enumerate(stage.contexts):
            counts = [len(each.slot_values(slot, free)) for each in stages]
            fewest[number] *= min(counts)
            most[number] *= max(counts)
    return sum(fewest), sum(most)
