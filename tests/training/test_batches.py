"""Measuring where memory is short: the same figures, in parts that fit."""

import numpy as np
import pytest
import torch
from torch import nn

from evo_nas.errors import TrainingError
from evo_nas.training.batches import measure
from tests.kit.training import make_batches, new_network


class Short(nn.Module):
    """Memory for so many images."""

    def __init__(self, network, largest):
        super().__init__()
        self.network, self.largest, self.sizes = network, largest, []

    def forward(self, images):
        self.sizes.append(len(images))
        if len(images) > self.largest:
            raise torch.OutOfMemoryError("injected")
        return self.network(images)


@pytest.mark.parametrize(("largest", "tried"), [(100, [70]), (35, [70, 35]), (9, [70, 35, 17, 8])])
def test_images_that_do_not_fit_are_measured_in_parts(largest, tried):
    batches, network = make_batches(), new_network()
    expected = measure(network, batches)
    short = Short(network, largest)
    found = measure(short, batches)
    assert np.array_equal(found.correct, expected.correct)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert short.sizes[: len(tried)] == tried


def test_a_single_image_that_does_not_fit_is_told():
    with pytest.raises(TrainingError, match=r"single image .* memory of cpu to be measured; choo"):
        measure(Short(new_network(), 0), make_batches())


def test_rows_are_taken_as_they_come_in_order():
    batches = make_batches()
    images, labels = batches.take(slice(3, 9))
    pairs = list(batches.in_order(20))
    assert torch.equal(images, torch.cat([each for each, _ in pairs])[3:9])
    assert torch.equal(labels, torch.cat([each for _, each in pairs])[3:9])
