"""What the check of an exported network notices, and what it says where it cannot notice much."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from evo_nas.results.networks.parity import Parity, compare_outputs


class Answers(nn.Module):
    """Around ``level``, and apart by about ``spread`` from image to image."""

    def __init__(self, level: float, spread: float) -> None:
        super().__init__()
        self.level, self.spread = level, spread

    def forward(self, images: Tensor) -> Tensor:
        part = images.flatten(1).mean(1, keepdim=True)
        return self.level + self.spread * torch.cat([part, -part], 1)


def parity(level: float, spread: float, wrong: float = 0.0, constant: bool = False) -> Parity:
    network = Answers(level, spread)

    def exported(images: Tensor) -> Tensor:
        if constant:
            return torch.full((len(images), 2), level)
        return network(images) + wrong  # type: ignore[no-any-return]

    images = torch.linspace(0, 1, 8).view(8, 1, 1, 1).expand(8, 1, 2, 2)
    return compare_outputs(network, exported, images, "images")


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_what_is_wrong_is_noticed_at_any_scale_of_the_outputs(scale: float) -> None:
    right = parity(0.1 * scale, scale)
    assert right.met
    assert right.telling
    assert right.spread == pytest.approx(scale)
    assert not parity(0.1 * scale, scale, wrong=1e-3 * scale).met
    assert not parity(0.1 * scale, scale, constant=True).met
    assert "hardly" not in str(right)


def test_rounding_of_large_outputs_that_vary_little_is_allowed() -> None:
    near = parity(1.0, 1e-2, wrong=2e-6)
    assert near.met
    assert near.telling
    assert not parity(1.0, 1e-2, constant=True).met


def test_outputs_that_hardly_vary_are_told_to_say_little() -> None:
    found = parity(0.011, 4e-9, constant=True)
    assert found.met
    assert not found.telling
    assert "outputs hardly vary over these images" in str(found)
    assert str(found).endswith("this says little")


def test_what_is_no_number_agrees_with_nothing() -> None:
    assert not parity(0.1, 1.0, wrong=math.nan).met
