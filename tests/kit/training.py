"""A small training for tests: noise of two classes, and networks with what may go wrong in them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from evo_nas.core.progress import Silent
from evo_nas.core.streams import Streams
from evo_nas.data.images import Images
from evo_nas.data.source import search_data
from evo_nas.space.network import StochasticDepth
from evo_nas.training.batches import Batches, seeded_weights
from evo_nas.training.loop import fit
from evo_nas.training.recipe import Augmentation, Phase, load_recipe

ADAMW = Phase("adamw", 3, 16, 5e-3, 0.05, warmup=0.2, label_smoothing=0.1)
SHARDED = replace(
    ADAMW, shards=4, epochs=2, gradient_clip=1.0, weight_average=0.9,
    augmentation=Augmentation(random_erasing=0.5, mixup=0.8),
)  # fmt: skip
SGD = Phase("sgd", 3, 16, 0.05, 1e-4, label_smoothing=0.1)
BOTH = pytest.mark.parametrize("phase", [ADAMW, SGD], ids=["adamw", "sgd"])
EVERYTHING = replace(
    load_recipe("deit").train, epochs=3, batch_size=16, gradient_clip=1.0, weight_average=0.9
)


def make_batches(count=70, channels=1, size=4):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    pixels = torch.randint(0, 200, (count, channels, size, size), generator=generator)
    images = Images((pixels + 50 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)
    return Batches(images, search_data("noise", images, images, "ab", range(count)), size)


class Net(nn.Module):
    """Two branches, of which one is used; dropout, BatchNorm and what vision transformers have."""

    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 16))
        self.branches = nn.ModuleList(nn.Linear(16, 8) for _ in range(2))
        self.rest = nn.Sequential(nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        self.branch = 0

    def forward(self, images):
        return self.rest(self.branches[self.branch](images.flatten(1) + self.cls_token[0]))


def new_network():
    with seeded_weights(1):
        return Net()


def trained(batches, phase, network=None, **options):
    network = network or new_network()
    fit(network, batches, phase, Streams(0), **options)
    return network


def same(first, second):
    mine, others = first.state_dict(), second.state_dict()
    return all(torch.equal(mine[name], others[name]) for name in mine)


class Branches(Net):
    """With stochastic depth; at most ``largest`` images fit into its memory."""

    def __init__(self, largest=16):
        super().__init__()
        self.drops = nn.ModuleList(StochasticDepth() for _ in range(3))
        self.largest = largest

    def forward(self, images):
        if self.training and len(images) > self.largest:
            raise torch.OutOfMemoryError("injected")
        hidden = self.branches[0](images.flatten(1))
        for drop in self.drops:
            hidden = hidden + drop(hidden)
        return self.rest(hidden)


def new_branches(largest=16):
    with seeded_weights(1):
        return Branches(largest)


class StopError(Exception):
    pass


class Epochs(Silent):
    """Listens to the epochs that are done, and stops the training after one of them."""

    def __init__(self, stop_after=None):
        self.done, self.said, self.stop_after = [], [], stop_after

    def say(self, message):
        self.said.append(message)

    def advance(self, done, note=""):
        self.done.append(done)
        if done == self.stop_after:
            raise StopError


def resumed(batches, phase, network, checkpoint, stop_after, **options):
    """A training stopped after an epoch, then gone on with; ``network`` makes one. What was heard.

    What happens between, such as other random numbers, is of no concern.
    """
    first, second, last = Epochs(stop_after), Epochs(), network()
    with pytest.raises(StopError):
        trained(batches, phase, network(), checkpoint=checkpoint, progress=first, **options)
    torch.manual_seed(99)
    trained(batches, phase, last, checkpoint=checkpoint, progress=second, **options)
    return last, second
