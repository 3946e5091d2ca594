"""Which paths the steps of a supernet's training take.

Source: Guo et al. 2020, "Single Path One-Shot" (one path, drawn at random); Yu & Huang 2019,
"Universally Slimmable Networks" (the sandwich rule).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from evo_nas.core.streams import Streams
from evo_nas.sampling.distribution import prior
from evo_nas.sampling.feasible import Feasible, feasible
from evo_nas.sampling.limits import Limit, format_amount
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome, Space
from evo_nas.training.recipe import Recipe


def describe_paths(recipe: Recipe, flops: Sequence[int] = ()) -> str:
    """What each step trains, in words; "" for one path of the prior.

    With the ``flops`` of the largest and the smallest path, where they are known.
    """
    within = "within the limits" if recipe.paths == "budget" else ""
    if recipe.supernet.own_paths:
        several = f"{recipe.supernet.shards} paths, each on its part of the images"
        return f"{several}, {within}" if within else several
    if not recipe.sandwich:
        return f"one path {within}" if within else ""
    known = [f" ({format_amount(each)} FLOPs)" for each in flops] or ["", ""]
    told = [f"the largest path{known[0]}", f"the smallest{known[1]}"]
    if recipe.sandwich > 2:
        told.append(f"{recipe.sandwich - 2} at random")
    return f"{', '.join(told[:-1])} and {told[-1]}{within and f', {within}'}"


class TrainingPaths:
    """The genomes of ``space`` that each step trains, as a recipe says.

    Of what ``legal`` admits, if the recipe wants that and anything is limited; where levels are
    open, that is what can be completed. Limits that take measuring are passed over: thousands of
    networks are drawn.
    """

    def __init__(
        self, space: Space, recipe: Recipe, legal: Feasible | None, streams: Streams
    ) -> None:
        self._space, self._recipe, self._streams = space, recipe, streams
        self._within = legal.quick() if legal and recipe.paths == "budget" else None
        if self._within is not None and not self._within.limits.every():
            self._within = None
        whole = partial(prior(space).draw, space)
        self._draw = whole if self._within is None else Sampler(self._within).typical

    @property
    def count(self) -> int:
        """How many a step trains."""
        phase = self._recipe.supernet
        return self._recipe.sandwich or (phase.shards if phase.own_paths else 1)

    @property
    def passes(self) -> int:
        """How many paths see each image of a step."""
        return self._recipe.sandwich or 1

    @property
    def identity(self) -> dict[str, str]:
        """What weights say of their paths; nothing for one path of the prior."""
        sandwich = {"sandwich": str(self.passes)} if self._recipe.sandwich else {}
        return sandwich | ({"within": self.within} if self.within else {})

    @property
    def within(self) -> str:
        """What they are drawn within, by the texts of limits; "" where it is the whole prior."""
        if self._within is None:
            return ""
        told = ", ".join(map(str, self._within.limits.every()))
        level = self._within.level
        return told if level is None else f"{told}, once the levels after {level} are decided"

    def of(self, step: int) -> list[Genome]:
        """The genomes of a step: the same whenever it is asked for."""
        generator = self._streams.generator("supernet", "path", step)
        drawn = self.count - len(self._ends)
        return [*self._ends, *(self._draw(generator) for _ in range(drawn))]

    @cached_property
    def _ends(self) -> tuple[Genome, ...]:
        """The genomes with most and with fewest FLOPs, if every step trains them."""
        if not self._recipe.sandwich:
            return ()
        every = self._within or feasible(self._space, Limit("flops"))
        return every.best(self._flops), every.best(lambda genome: -self._flops(genome))

    def _flops(self, genome: Genome) -> int:
        return self._space.costs(genome)["flops"]

    @property
    def told(self) -> str:
        """What each step trains, in words; "" for one path of the prior."""
        told = describe_paths(self._recipe, [self._flops(genome) for genome in self._ends])
        open_levels = self._within is not None and self._within.level is not None
        return f"{told} that later levels can complete" if open_levels else told
