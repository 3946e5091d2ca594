"""What only a GPU can show: augmentation on it, and memory that really runs out."""

import numpy as np
import pytest
import torch
from torch import nn

from evo_nas.augmentation import Augmenter
from evo_nas.data import Images, search_data
from evo_nas.measuring import Batches, seeded_weights
from evo_nas.recipe import Phase, load_recipe
from evo_nas.streams import Streams
from evo_nas.training import fit

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

MIB = 2**20


def make_batches(channels, size, count=64):
    pixels = torch.randint(0, 256, (count, channels, size, size)).to(torch.uint8)
    images = Images(pixels, torch.arange(count) % 2)
    return Batches(images, search_data("noise", images, images, "ab", range(count)), size, "cuda")


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 64)])
def test_deits_augmentation_stays_on_the_device(channels, size):
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    batches = make_batches(channels, size)
    augment = Augmenter(load_recipe("deit").train.augmentation, batches)
    images, labels = batches.take(slice(0, 64))
    batch = augment(images.clone(), labels, np.random.default_rng(0))
    assert batch.images.is_cuda
    assert batch.images.isfinite().all()
    assert not torch.equal(batch.images, images)


class Large(nn.Module):
    """Few weights, and a MiB of activations for each image, several times."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(16, 256), nn.Linear(256, 2)

    def forward(self, images):
        hidden = self.first(images.flatten(1))
        wide = hidden[:, None].expand(-1, 1024, -1).sin().exp().cos()
        return self.last(wide.mean(1))


def test_memory_that_runs_out_cuts_batches(tmp_path):
    class Said:
        messages = ()

        def start(self, what, total, unit):
            pass

        def advance(self, done, note=""):
            pass

        def say(self, message):
            self.messages += (message,)

    batches, said = make_batches(1, 4), Said()
    with seeded_weights(0):
        network = Large().to("cuda")
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 128 * MIB) / total)
    try:
        fit(network, batches, Phase("sgd", 2, 64, 0.01, 0.0), Streams(0), progress=said)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert said.messages
    assert "64 images takes 2 micro-batches of at most 32" in said.messages[0]
    assert all(parameter.isfinite().all() for parameter in network.parameters())
