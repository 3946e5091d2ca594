"""A score by what a small change of the input does to the features."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .borrowing import batch_norms, borrowed
from .layers import weighted

_BATCH = 16
_STEP = 0.01  # alpha of the paper


@torch.no_grad()
def zen(network: nn.Module, shape: Sequence[int], generator: torch.Generator) -> float:
    """The Zen-score: log E |f(x) - f(x + 0.01 e)| + the sum over BatchNorm layers of log s.

    x and e are standard normal images of ``shape`` (channels, height, width), weights of linear
    layers and convolutions are standard normal, biases 0, all drawn by the ``generator``. f are the
    features before pooling (``forward_features``; the outputs of a network without it). s, of
    which BatchNorm has rid the features, is the root of the mean over a layer's channels of the
    variance of what enters it (Lin et al. 2021, "Zen-NAS: A Zero-Shot NAS for High-Performance
    Image Recognition", algorithm 1).

    The paper takes residual links out, which cannot be done to any network: here they stay. A
    network without BatchNorm has no second term; LayerNorm, whose statistics are an image's
    own, is not made up for, so that among transformers this is the sensitivity of the normalised
    features alone.

    Raises:
        ValueError: the features depend on no pixel.
    """
    features: Callable[[Tensor], Tensor] = getattr(network, "forward_features", network)
    with borrowed(network):
        network.double()  # products over many layers leave float32
        for layer in weighted(network).values():
            layer.weight.copy_(_normal(layer.weight.shape, generator))
            if layer.bias is not None:
                layer.bias.zero_()
        device = next(network.parameters()).device
        images, change = (_normal((_BATCH, *shape), generator).to(device) for _ in range(2))
        scales: list[float] = []
        hooks = [
            module.register_forward_pre_hook(lambda _, entering: scales.append(_scale(entering)))
            for module in batch_norms(network)
        ]
        try:
            before = features(images)
        finally:
            for hook in hooks:
                hook.remove()
        difference = (features(images + _STEP * change) - before).flatten(1)
        expected = float(torch.linalg.vector_norm(difference, dim=1).mean())
    if expected == 0 or 0 in scales:
        raise ValueError("its features depend on no pixel")
    return math.log(expected) + sum(map(math.log, scales))


def _normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Standard normal numbers, the same ones wherever the network is."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _scale(entering: tuple[Any, ...]) -> float:
    """What BatchNorm divides by, over all channels (axis 1)."""
    (features,) = entering
    variances = features.transpose(0, 1).flatten(1).var(dim=1, correction=0)
    return math.sqrt(float(variances.mean()))
