"""A search strategy: local search, which mutates the best candidates seen so far."""

from evo_nas.distribution import mutation
from evo_nas.sampling import Exhausted
from evo_nas.strategy import Proposal, Strategy, flat_stage, rank


class MyStrategy(Strategy):
    """A random generation first, then neighbours of the ``keep`` best so far."""

    def __init__(self, *, keep: int = 3) -> None:  # the options of FILE.py:MyStrategy?keep=5
        self.keep = keep

    def plan(self, space, settings):
        return (flat_stage(space, settings),)  # one stage, in which all choices are free

    def begin(self, stage, sampler, settings, objectives):
        self.sampler, self.objectives = sampler, objectives
        self.size, self.rate = settings.population, settings.mutation_rate
        self.best, self.left = [], stage.candidates

    def ask(self, rng):  # the next generation, none at the end; all chance comes from rng
        proposals = []
        try:
            while len(proposals) < min(self.size, self.left):
                proposals.append(self.propose(rng))
        except Exhausted:  # all that fits has been proposed
            self.left = len(proposals)
        self.left -= len(proposals)
        return proposals

    def propose(self, rng):
        near = [self.best[rng.integers(len(self.best))].genome] if self.best else []
        around = [lambda: mutation(self.sampler.space, near[0], self.rate)] if near else []
        genome, tries = self.sampler.fresh(rng, *around)  # within the budget, and new
        if tries == len(around):
            return Proposal(genome, "random")
        return Proposal(genome, "neighbour", tuple(near))

    def tell(self, scored):
        self.best = rank([*self.best, *scored], self.objectives)[: self.keep]  # without failures
