"""The layers that have weights: how many there are, and which."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.conv import _ConvNd


def layers(network: nn.Module) -> float:
    """The number of linear layers and convolutions: a baseline, as FLOPs and parameters are.

    Of layers that lie beside each other each counts; what normalises does not.
    """
    return float(len(weighted(network)))


def weighted(network: nn.Module) -> dict[str, nn.Linear | _ConvNd]:
    """The linear layers and convolutions, by their names; one that is used twice is there once."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | _ConvNd)
    }
