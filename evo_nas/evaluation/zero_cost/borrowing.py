"""A network at a score's disposal, which is as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def borrowed(network: nn.Module) -> Iterator[None]:
    """Let the body do as it likes with weights, statistics, gradients and modes of a network.

    It begins without gradients, in evaluation mode but for BatchNorm, which normalises by the
    batch, as in training, and whose running statistics become those of the batch; there is no
    dropout.
    """
    momenta = [(module, module.momentum) for module in batch_norms(network)]
    modes = [(module, module.training) for module in network.modules()]
    weights = [(weight, weight.detach().clone(), weight.grad) for weight in network.parameters()]
    buffers = [
        (module, name, None if buffer is None else buffer.clone())
        for module in network.modules()
        for name, buffer in module._buffers.items()
    ]
    network.eval()
    for norm, _ in momenta:
        norm.train()
        norm.momentum = 1.0
    network.zero_grad()
    try:
        yield
    finally:
        for weight, before, gradient in weights:
            weight.grad = None  # first: gradients have the type of the weights
            weight.data, weight.grad = before, gradient
        for module, name, buffer in buffers:
            module._buffers[name] = buffer
        for norm, momentum in momenta:
            norm.momentum = momentum
        for module, training in modes:
            module.training = training


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The layers that normalise by the batch, in their order."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]
