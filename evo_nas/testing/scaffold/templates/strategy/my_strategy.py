"""A search strategy: local search, from a random generation to neighbours of the best so far."""

from evo_nas.sampling import mutation
from evo_nas.strategies import Proposal, Strategy, flat_stage, rank


class MyStrategy(Strategy):
    def __init__(self, *, keep: int = 3) -> None:  # the options of FILE.py:MyStrategy?keep=5
        self.keep = keep

    def plan(self, space, settings):
        return (flat_stage(space, settings),)  # one stage, in which all choices are free

    def start(self):  # of a stage: self.stage, sampler, settings and objectives are there
        self.best = []

    def ask(self, rng):  # the next generation, none at the end; all chance comes from rng
        return self.fill(self.settings.population, lambda place: self.propose(rng))

    def propose(self, rng):
        if not self.best:
            return Proposal(self.sampler.fresh(rng)[0], "random")  # within the budget, and new
        parent = self.best[rng.integers(len(self.best))].genome
        near = mutation(self.sampler.space, parent, self.settings.mutation_rate)
        genome, tries = self.sampler.fresh(rng, lambda: near)
        return Proposal(genome, "random" if tries else "neighbour", () if tries else (parent,))

    def tell(self, scored):
        self.best = rank([*self.best, *scored], self.objectives)[: self.keep]  # without failures
