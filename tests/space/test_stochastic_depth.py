"""Stochastic depth."""

import pytest
import torch
from torch import nn

from evo_nas.space.network import StochasticDepth, set_stochastic_depth


def test_a_branch_is_left_out_for_whole_images_and_keeps_its_mean() -> None:
    torch.manual_seed(0)
    dropped = StochasticDepth(0.25).train()(torch.ones(4000, 3, 2))
    by_image = dropped.flatten(1)
    assert (by_image == by_image[:, :1]).all()
    assert sorted(set(by_image[:, 0].tolist())) == [0.0, pytest.approx(1 / 0.75)]
    assert float(dropped.mean()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("rate", "training"), [(0.9, False), (0.0, True)])
def test_nothing_changes_outside_of_training_and_at_rate_0(rate: float, training: bool) -> None:
    branch = torch.randn(8, 5)
    assert StochasticDepth(rate).train(training)(branch) is branch


def test_rates_rise_with_the_depth() -> None:
    network = nn.Sequential(StochasticDepth(), nn.Identity(), StochasticDepth(), StochasticDepth())
    assert set_stochastic_depth(network, 0.1) == 3
    rates = [module.rate for module in network if isinstance(module, StochasticDepth)]
    assert rates == [0, 0.05, 0.1]
    assert set_stochastic_depth(nn.Linear(2, 2), 0.1) == 0
