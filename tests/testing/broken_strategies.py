"""Strategies with one mistake each, as a newcomer makes them."""

from __future__ import annotations

import random

import numpy as np

from evo_nas.sampling.distribution import prior
from evo_nas.sampling.sampler import Exhausted
from evo_nas.strategies.base import Proposal, Scored, Strategy, flat_stage, rank


class Fine(Strategy):
    """Random search; nothing is wrong with it."""

    def plan(self, space, settings):
        return (flat_stage(space, settings),)

    def begin(self, stage, sampler, settings, objectives):
        self.sampler, self.objectives, self.left = sampler, objectives, stage.candidates

    def ask(self, rng):
        proposals = []
        try:
            while len(proposals) < min(5, self.left):
                proposals.append(Proposal(self.draw(rng), "random"))
        except Exhausted:
            self.left = len(proposals)
        self.left -= len(proposals)
        return proposals

    def draw(self, rng):
        return self.sampler.fresh(rng)[0]

    def tell(self, scored):
        pass


class GlobalChance(Fine):
    def draw(self, rng):
        return self.sampler.fresh(np.random.default_rng(random.randrange(10**9)))[0]


class OwnGenerator(Fine):
    """Seeded once, so that a replay goes another way than a run."""

    def __init__(self):
        self.rng = np.random.default_rng()

    def draw(self, rng):
        return self.sampler.fresh(self.rng)[0]


class OverBudget(Fine):
    def draw(self, rng):
        return prior(self.sampler.space).draw(self.sampler.space, rng)


class Endless(Fine):
    def ask(self, rng):
        return [Proposal(self.sampler.draw(self.sampler.feasible.prior, rng), "random")]


class Repeats(Fine):
    def draw(self, rng):
        return self.sampler.draw(self.sampler.feasible.prior, rng)


class Lazy(Fine):
    """Ends when it likes."""

    def begin(self, stage, sampler, settings, objectives):
        super().begin(stage, sampler, settings, objectives)
        self.left = 7


class BestOnly(Fine):
    """Takes it that something has been scored."""

    def tell(self, scored):
        self.best = max(scored, key=lambda one: one.metrics["accuracy"])


class Hoards(Fine):
    """Goes on where the stage before ended."""

    def __init__(self):
        self.seen = 0

    def draw(self, rng):
        self.seen += 1
        return self.sampler.fresh(np.random.default_rng([int(rng.integers(9)), self.seen // 9]))[0]


class Invents(Fine):
    def finalists(self, best, count):
        return [Scored((2, 2) * 4, 0, {"accuracy": 1.0})]


class AllFinalists(Fine):
    def begin(self, stage, sampler, settings, objectives):
        super().begin(stage, sampler, settings, objectives)
        self.seen = []

    def tell(self, scored):
        self.seen += scored

    def finalists(self, best, count):
        return rank(self.seen, self.objectives)


class RawGenomes(Fine):
    def draw(self, rng):
        return [0, 2, *super().draw(rng)[2:]]


class Planless(Fine):
    def plan(self, space, settings):
        return [flat_stage(space, settings)]


class Raises(Fine):
    def tell(self, scored):
        self.population.append(scored)
