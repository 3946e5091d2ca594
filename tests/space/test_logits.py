"""A network gives one logit for each class of each image, or what it gives is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Geometry

GEOMETRY = Geometry(image_size=4, channels=1, classes=3)


class Made(nn.Module):
    def __init__(self, ends: Callable[[Tensor, bool], object], classes: int = 3) -> None:
        super().__init__()
        self.head, self.norm, self.ends = nn.Linear(16, classes), nn.BatchNorm1d(16), ends

    def forward(self, images: Tensor) -> object:
        return self.ends(self.head(self.norm(images.flatten(1))), self.training)


@pytest.mark.parametrize(
    ("ends", "classes", "said"),
    [
        (lambda logits, _: logits, 10, "it tells 10 classes apart, where there are 3"),
        (lambda logits, _: logits, 2, "it tells 2 classes apart, where there are 3"),
        (lambda logits, _: (logits, logits), 3, "it gives a tuple and not logits of shape (2, 3)"),
        (lambda logits, _: {"logits": logits}, 3, "it gives a dict and not"),
        (lambda logits, _: logits[..., None, None], 3, "2 images become (2, 3, 1, 1) and not"),
        (lambda logits, _: logits[0], 3, "2 images become (3,) and not"),
        (lambda logits, _: logits.T, 3, "2 images become (3, 2) and not"),
        (lambda logits, _: logits @ logits, 3, "it fails for images at 4x4x1 images"),
        (lambda logits, training: [logits] if training else logits, 3, "list and not logits of"),
    ],
)
def test_what_is_no_logit_for_each_class_is_told(
    ends: Callable[[Tensor, bool], object], classes: int, said: str
) -> None:
    network = Made(ends, classes)
    assert said in (wrong_network(network, GEOMETRY, training=True) or "")


def test_only_training_goes_wrong_in_training_mode() -> None:
    network = Made(lambda logits, training: (logits,) if training else logits)
    assert wrong_network(network, GEOMETRY) is None
    assert (wrong_network(network, GEOMETRY, training=True) or "").endswith(" in training mode")


def test_a_wrong_network_keeps_the_mode_of_each_module() -> None:
    network = Made(lambda logits, training: (logits,) if training else logits)
    network.add_module("frozen", nn.BatchNorm2d(1).eval())
    assert wrong_network(network, GEOMETRY, training=True)
    assert network.training
    assert not network.get_submodule("frozen").training
    network.eval()
    assert wrong_network(network, GEOMETRY, training=True)
    assert not network.training


def test_a_sound_network_stays_as_it_is() -> None:
    network = Made(lambda logits, _: logits)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    for mode in (True, False):
        network.train(mode)
        assert wrong_network(network, GEOMETRY) is None
        assert network.training is mode
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
