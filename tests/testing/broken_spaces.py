"""Spaces with one mistake each, as a newcomer makes them."""

from __future__ import annotations

import random
from dataclasses import replace

from torch import nn

from evo_nas.space.space import Choice, Geometry
from evo_nas.space.supernet import Step
from evo_nas.testing.small_space import SmallSpace


class NamedTwice(SmallSpace):
    def __init__(self):
        super().__init__()
        self.choices = (*self.choices, Choice("block1.kind", (1, 2)))


class TupleOption(SmallSpace):
    def __init__(self):
        super().__init__()
        self.choices = (*self.choices, Choice("size", ((3, 3), (5, 5))))


class Cheap(SmallSpace):
    """Forgets the second matrix of an MLP."""

    def slot_costs(self, slot, context):
        table = super().slot_costs(slot, context)
        return {v: c if v[0] < 2 else {**c, "flops": c["flops"] // 2} for v, c in table.items()}


class Immovable(SmallSpace):
    """Counts what its author's target costs, whatever its target is."""

    def fixed_costs(self, context):
        return SmallSpace().fixed_costs(context)


class NotAdding(SmallSpace):
    """Costs of its own that the slots do not add up to."""

    def costs(self, genome):
        costs = super().costs(genome)  # and more, but for the last genome, which is counted first
        return {**costs, "flops": costs["flops"] + 1000 * (genome[0] == 0)}


class Restless(SmallSpace):
    """Every call moves the blocks on."""

    def canonical(self, genome):
        genome = super().canonical(genome)
        return (*genome[2:], *genome[:2])


class OtherPath(SmallSpace):
    """The supernet applies the second block twice."""

    def supernet(self, geometry, reachable=None):
        supernet = super().supernet(geometry, reachable)
        steps = supernet.steps

        def wrong(genome):
            first, *others = steps(genome)
            return [first, *others[:2], Step("again", others[1].run), *others[2:]]

        supernet.steps = wrong
        return supernet


class SharedNames(SmallSpace):
    """All steps of a place are called the same, whatever they do."""

    def supernet(self, geometry, reachable=None):
        supernet = super().supernet(geometry, reachable)
        steps = supernet.steps
        supernet.steps = lambda genome: [Step(i, step.run) for i, step in enumerate(steps(genome))]
        return supernet


class Lent(SmallSpace):
    """What is extracted is the supernet's own memory."""

    def supernet(self, geometry, reachable=None):
        supernet = super().supernet(geometry, reachable)

        def extract(genome):
            blocks = [step.run for step in supernet.steps(genome)]
            return dict(nn.Sequential(*blocks).state_dict())

        supernet.extract = extract
        return supernet


class Blind(SmallSpace):
    """build() does not look at the first block's width."""

    def build(self, genome, geometry):
        kind, _, *others = genome
        return super().build((kind, 0, *others), geometry)


class WrongShape(SmallSpace):
    def build(self, genome, geometry):
        return super().build(genome, replace(geometry, classes=geometry.classes + 1))


class Raises(SmallSpace):
    def build(self, genome, geometry):
        return nn.Linear(geometry.width, "ten")


class ByChance(SmallSpace):
    """Another space each time it is made."""

    def __init__(self):
        super().__init__()
        first = random.randrange(10**9)
        self.choices = (*self.choices, Choice("seed", (first, first + 1)))


class NoRoom(SmallSpace):
    def proxy(self, image_size, channels, classes):
        return Geometry(image_size, 3, 1000, width=12)


class Unfinished(SmallSpace):
    def __init__(self):
        super().__init__()
        self.sizes = self.sizes + 1


def no_space():
    return {"choices": []}
