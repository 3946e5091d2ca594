"""How much faster shards in processes make the training of shared weights.

    python -m benchmarks.shards [SHARDS] [--own-paths] [--processes N] [--recipe NAME]
                                [--geometry TEXT] [--space NAME] [--repeats N] [--steps N]

Trains the shared weights of stage 1 on digits: whole batches, and batches in SHARDS shards by one
process and by N. With --own-paths each shard trains a path of its own, and whole batches are as
large as a shard. Epochs of a few steps take turns, so that a busy machine slows all alike; helpers
are ready before. Prints the median images a second of each, and the ratios.
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
        recipe = replace(recipe, supernet=phase)
        self._space, self._paths = space, TrainingPaths(space, recipe, None, STREAMS)
        self._epoch = 0
        self.paces: list[float] = []
        self.run()  # which makes helpers
        helpers = self.trainer.step.helpers
        while processes > 1 and helpers is not None and helpers.ready() < processes - 1:
            time.sleep(0.1)
        self.run()
        self.paces.clear()

    def run(self) -> None:
        """Train for an epoch."""
        done = self._epoch % self.trainer.phase.epochs
        self.paces.append(self.trainer.run_epoch(done, self._selections).images_per_second)
        self._epoch += 1

    def _selections(self, step: int) -> list[Selection]:
        return [methodcaller("select", self._space.lift(g)) for g in self._paths.of(step)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("shards", nargs="?", type=int, default=2)
    parser.add_argument("--own-paths", action="store_true")
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
    sharded = replace(recipe.supernet, shards=given.shards, own_paths=given.own_paths)
    size = sharded.batch_size // (given.shards if given.own_paths else 1)
    whole = replace(sharded, shards=1, own_paths=False, batch_size=size)
    kinds = [(whole, 1), (sharded, 1), (sharded, given.processes)]
    with ExitStack() as stack:
        trainings = []
        for phase, processes in kinds:
            of = (space, given.geometry, recipe, phase, given.steps, processes)
            trainings.append(training := Training(*of))
            stack.enter_context(closing(training.trainer))
        for _ in range(given.repeats):
            for training in trainings:
                training.run()
    paces = [statistics.median(training.paces) for training in trainings]
    for (phase, processes), pace in zip(kinds, paces, strict=True):
        batch = f"batches of {phase.batch_size} in {phase.shards} shard(s)"
        print(f"{batch}, {processes} process(es): {pace:,.0f} images/s")
    print(f"{given.processes} processes against 1, same shards: {paces[2] / paces[1]:.2f}")
    print(f"{given.processes} processes against whole batches: {paces[2] / paces[0]:.2f}")


if __name__ == "__main__":
    main()
