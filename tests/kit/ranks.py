"""Trainings for several ranks: python -m torch.distributed.run ... -m tests.kit.ranks FILE.

Their weights, or how they failed, are written to the file; by one process they are the same.
"""

import os
import sys
from dataclasses import dataclass, replace

import torch

from evo_nas.errors import TrainingError
from evo_nas.training.batches import seeded_weights
from evo_nas.training.steps import ranks
from tests.kit.training import SHARDED as PHASE
from tests.kit.training import Net, make_batches, trained


@dataclass(frozen=True, slots=True)
class Branch:
    number: int

    def __call__(self, network):
        network.branch = self.number


class Short(Net):
    """Not more than two images fit into the memory of a rank; the first has more."""

    def forward(self, images):
        if self.training and len(images) > 2 and os.environ.get("RANK") != "0":
            raise torch.OutOfMemoryError("injected")
        return super().forward(images)


class Wrong(Net):
    def forward(self, images):
        if os.environ.get("RANK") != "0":
            raise ValueError("injected")
        return super().forward(images)


def branches(step):
    return [Branch((step + shard) % 2) for shard in range(PHASE.shards)]


def outcomes():
    """What becomes of each training."""
    trainings = {
        "one path": (Net, PHASE, lambda step: [Branch(step % 2)]),
        "own paths": (Net, replace(PHASE, own_paths=True), branches),
        "short": (Short, PHASE, None),
        "wrong": (Wrong, PHASE, None),
        "fewer shards": (Net, replace(PHASE, shards=2), None),
    }
    found = {}
    for name, (network, phase, before_step) in trainings.items():
        with seeded_weights(1):
            made = network()
        try:
            found[name] = trained(make_batches(), phase, made, before_step=before_step).state_dict()
        except (TrainingError, ValueError) as error:
            found[name] = str(error)
    return found


if __name__ == "__main__":
    if ranks.among_ranks():
        ranks.join()
    torch.save(outcomes(), sys.argv[1])
