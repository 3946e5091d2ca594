"""How much faster shards in processes make the training of shared weights.

    python -m benchmarks.shards [SHARDS] [--processes N] [--recipe NAME] [--geometry TEXT]
                                [--space NAME] [--repeats N] [--steps N]

Trains the shared weights of stage 1 on digits: whole batches, and batches in SHARDS shards by one
process and by N. Epochs of a few steps take turns, so that a busy machine slows all alike; helpers
are ready before. Prints the median seconds of a step of each, and the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from operator import methodcaller

import torch

from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.core.streams import Streams
from evo_nas.evaluation.training_paths import TrainingPaths
from evo_nas.search.settings import DIGITS, choose_recipe, resolve_geometry
from evo_nas.space.space import Space
from evo_nas.training.batches import Batches, seeded_weights
from evo_nas.training.recipe import Phase, Recipe
from evo_nas.training.steps.sandwich import Selection
from evo_nas.training.trainer import Trainer

STREAMS = Streams(0)


class Training:
    """Shared weights in training, epoch by epoch."""

    def __init__(
        self, space: Space, geometry: str, recipe: Recipe, phase: Phase, steps: int, processes: int
    ) -> None:
        data = registry.load("data", DIGITS).load(0)
        shape = resolve_geometry(geometry, space.root, data)
        entangled = recipe.sharing == "entangled" and space.root.entangles
        with seeded_weights(0):
            root = space.root
            network = (root.entangled_supernet if entangled else root.supernet)(shape)
        images = data.train.take(range(steps * phase.batch_size))
        batches = Batches(images, data, shape.image_size)
        self.trainer = Trainer(network, batches, phase, STREAMS, Silent(), None, processes)
        self._space, self._paths = space, TrainingPaths(space, recipe, None, STREAMS)
        self._epoch = 0
        self.seconds: list[float] = []
        self.run()  # which makes helpers
        helpers = self.trainer.step.helpers
        while processes > 1 and helpers is not None and helpers.ready() < processes - 1:
            time.sleep(0.1)
        self.run()
        self.seconds.clear()

    def run(self) -> None:
        """Train for an epoch; the seconds of a step."""
        began = time.perf_counter()
        self.trainer.run_epoch(self._epoch % self.trainer.phase.epochs, self._selections)
        self.seconds.append((time.perf_counter() - began) / self.trainer.steps)
        self._epoch += 1

    def _selections(self, step: int) -> list[Selection]:
        return [methodcaller("select", self._space.lift(g)) for g in self._paths.of(step)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("shards", nargs="?", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--space", default="glit_hl")
    parser.add_argument("--geometry", default="proxy")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=16, help="of an epoch")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = choose_recipe(given.recipe)
    space = registry.load("space", given.space).stage(0)
    kinds = [(1, 1), (given.shards, 1), (given.shards, given.processes)]
    with ExitStack() as stack:
        trainings = []
        for shards, processes in kinds:
            phase = replace(recipe.supernet, shards=shards)
            of = (space, given.geometry, recipe, phase, given.steps, processes)
            trainings.append(training := Training(*of))
            stack.enter_context(closing(training.trainer))
        for _ in range(given.repeats):
            for training in trainings:
                training.run()
    seconds = [statistics.median(training.seconds) for training in trainings]
    for (shards, processes), each in zip(kinds, seconds, strict=True):
        print(f"{shards} shard(s) in {processes} process(es): {1000 * each:,.1f} ms a step")
    print(f"{given.processes} processes against 1, same shards: {seconds[1] / seconds[2]:.2f}")
    print(f"{given.processes} processes against whole batches: {seconds[0] / seconds[2]:.2f}")


if __name__ == "__main__":
    main()
