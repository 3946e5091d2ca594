"""Scores by the gradient of the loss of one batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .borrowing import borrowed
from .layers import weighted


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The sum over parameters of the Euclidean norm of the gradient of the cross-entropy.

    One batch (n, channels, size, size), which BatchNorm normalises by, as in training; no dropout.
    (Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS".)
    """
    with borrowed(network):
        _backward(network, images, labels)
        gradients = (p.grad for p in network.parameters() if p.grad is not None)
        return sum(float(torch.linalg.vector_norm(gradient)) for gradient in gradients)


def snip(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The sum over connections of |weight x dL / dweight|, L being the cross-entropy of a batch.

    The sensitivity of the loss to leaving a connection out (Lee et al. 2019, "SNIP: Single-shot
    Network Pruning based on Connection Sensitivity", equations 4 and 5, before it is normalised),
    summed over a network as by Abdelfattah et al. 2021. Connections are weights of linear layers
    and convolutions, no biases. The batch is as that of :func:`grad_norm`.
    """
    with borrowed(network):
        _backward(network, images, labels)
        weights = [w for layer in weighted(network).values() for w in [layer.weight]]
        return sum(float((w.detach() * w.grad).abs().sum()) for w in weights if w.grad is not None)


def _backward(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    with torch.enable_grad():
        functional.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
