"""Evaluators with one mistake each, as a newcomer makes them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import torch

from evo_nas.evaluation.evaluator import Evaluator, Objective
from evo_nas.training.batches import seeded_weights


class Fine(Evaluator):
    """Nothing is wrong with this one."""

    needs_data = False
    pauses = True

    def open(self, space, context):
        self.space, self.context = space, context

    def evaluate(self, genome):
        with seeded_weights(self.context.streams.number("weights")):
            network = self.space.build(genome, self.context.geometry)
        return {"accuracy": sum(weight.numel() for weight in network.parameters()) / 1e6}

    def evaluate_part(self, genome, begin, end):
        return self.evaluate(genome)


class NotANumber(Fine):
    def evaluate(self, genome):
        return {"accuracy": float("nan")}


class Forgets(Fine):
    objectives = (Objective("accuracy"), Objective("latency", maximise=False))


class OnlyANumber(Fine):
    def evaluate(self, genome):
        return super().evaluate(genome)["accuracy"]


class Tossed(Fine):
    """Weights by whatever torch's global generator gives."""

    def evaluate(self, genome):
        network = self.space.build(genome, self.context.geometry)
        return {"accuracy": next(network.parameters()).sum().item()}


class StartsAnew(Fine):
    """Each part of a training is a short training of its own."""

    def evaluate(self, genome):
        return self.evaluate_part(genome, 0, self.context.epochs)

    def evaluate_part(self, genome, begin, end):
        return {"accuracy": Fine.evaluate(self, genome)["accuracy"] * (end - begin)}


class Recounts(StartsAnew):
    """Counts in each part what was trained before, too."""

    needs_data = True

    def evaluate_part(self, genome, begin, end):
        self.context.ledger.trained += 10 * end
        return super().evaluate_part(genome, 0, end)


class Remembers(Fine):
    """Scores against the best so far."""

    best = 0.0

    def evaluate(self, genome):
        score = super().evaluate(genome)["accuracy"]
        self.best, before = max(self.best, score), self.best
        return {"accuracy": score - before}


class Blindfold(Fine):
    """Says that it needs images, and looks at none."""

    needs_data = True


class GivesUp(Fine):
    """Whoever comes after a failure gets its reason too."""

    failed = None

    def evaluate(self, genome):
        try:
            if self.failed is None:
                return super().evaluate(genome)
        except RuntimeError as error:
            self.failed = error
        raise RuntimeError("it has failed before") from self.failed


class Meddles(Fine):
    def evaluate(self, genome):
        torch.manual_seed(0)
        random.seed(0)
        return super().evaluate(genome)


class Raises(Fine):
    def evaluate(self, genome):
        return {"accuracy": self.network(genome)}


class Once(Fine):
    """Cannot be opened again in its folder."""

    def open(self, space, context):
        super().open(space, context)
        (context.folder / "scores").mkdir()


class Picky(Fine):
    def check(self, space):
        from evo_nas.errors import SpaceError

        raise SpaceError("only spaces of trees can be scored")


class AtHome(Fine):
    """Says that any process will do, and it matters which."""

    in_workers = True

    def open(self, space, context):
        super().open(space, context)
        self.process = os.getpid()

    def evaluate(self, genome):
        return super().evaluate(genome) | {"process": self.process}


class Misplaces(Fine):
    def evaluate_many(self, genomes):
        for genome in genomes:
            yield genome, self.evaluate(genome)


class Secretive(Fine):
    """Keeps weights, and does not say so."""

    def weights(self, genome):
        return Path(__file__)


class Loses(Fine):
    """Says that it keeps weights, and has none."""

    keeps_weights = True
