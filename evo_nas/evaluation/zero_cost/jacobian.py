"""Scores by the gradient of the outputs by the images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from .borrowing import borrowed

_SMALLEST = 1e-5  # k of the paper, which is added to eigenvalues


def jacov(network: nn.Module, images: Tensor) -> float:
    """How differently a network's outputs follow from different images.

    The gradient of the sum of an image's outputs by its pixels is a row of J; the correlations of
    the rows of n images have eigenvalues s, and the score is -sum(log(s + k) + 1 / (s + k)) with
    k = 1e-5. It is highest, about -n, where no rows are correlated (Mellor et al. 2020, "Neural
    Architecture Search without Training", first version, arXiv 2006.04647v1, section 3).

    One batch (n, channels, size, size), which BatchNorm normalises by, as in training; what an
    image does to the outputs of others by that counts as its own, as in the paper's program.

    Raises:
        ValueError: the outputs of an image depend on no pixel, or on all alike.
    """
    pixels = images.detach().clone().requires_grad_()
    with borrowed(network), torch.enable_grad():
        (jacobian,) = torch.autograd.grad(network(pixels).sum(), pixels)
    rows = jacobian.flatten(1).double().cpu().numpy()
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError("its outputs depend on no pixel of an image, or on all of them alike")
    rows /= lengths
    eigenvalues = np.linalg.eigvalsh(rows @ rows.T).clip(0) + _SMALLEST
    return -float((np.log(eigenvalues) + 1 / eigenvalues).sum())
