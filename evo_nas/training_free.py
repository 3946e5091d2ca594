"""Scores of networks that have not been trained.

Each function takes a network with fresh weights, and uses it up: its weights and modes change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

_NORMALISATION = (_BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm)
# Names of functions of torch, of torch.nn.functional and of tensors.
_ACTIVATIONS = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "prelu", "rrelu", "hardtanh", "hardswish"),
        *("elu", "celu", "selu", "gelu", "silu", "mish"),
    )
)
_DIAGONAL = 1e-3  # added to a kernel of whole numbers


def synflow(network: nn.Module, shape: Sequence[int]) -> float:
    """Synaptic flow: the sum over parameters of |parameter x dR / dparameter|.

    R is the sum of the outputs for one image of ones (``shape``: channels, height, width) once all
    parameters are replaced by their magnitudes (Tanaka et al. 2020, "Pruning neural networks
    without any data by iteratively conserving synaptic flow"). As
    Abdelfattah et al. (2021, "Zero-Cost Proxies for Lightweight NAS") do with BatchNorm, layers
    that normalise pass their input on: they would make R independent of the weights before them.
    """
    flow = _flow(network, shape)
    return sum(float((p.detach() * gradient).abs().sum()) for p, gradient in flow.values())


def dss(network: nn.Module, shape: Sequence[int]) -> float:
    """Synaptic diversity of attention plus synaptic saliency of the other layers.

    For R as in :func:`synflow`, over weight matrices W of attention, the sum of the nuclear norm of
    dR / dW times that of W; over other weights of linear layers and convolutions, the sum of
    |W x dR / dW| (Zhou et al. 2022, "Training-free Transformer Architecture Search"). Attention is
    what lies in a module with "attn" or "attention" in its name or in that of its class. Without
    any, this is the saliency alone.
    """
    flow = _flow(network, shape)
    attention = _attention(network)
    layers = (nn.Linear, _ConvNd)
    weights = {
        f"{name}.weight".removeprefix(".")
        for name, module in network.named_modules()
        if isinstance(module, layers)
    }
    total = 0.0
    for name, (weight, gradient) in flow.items():
        if weight.ndim == 2 and name.startswith(attention):
            norms = torch.linalg.matrix_norm(torch.stack((weight.detach(), gradient)), "nuc")
            total += float(norms.prod())
        elif name in weights:
            total += float((weight.detach() * gradient).abs().sum())
    return total


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The sum over parameters of the Euclidean norm of the gradient of the cross-entropy.

    One batch (n, channels, size, size), which BatchNorm normalises by, as in training; no dropout.
    (Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS".)
    """
    _by_batch(network)
    functional.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
    gradients = (p.grad for p in network.parameters() if p.grad is not None)
    return sum(float(torch.linalg.vector_norm(gradient)) for gradient in gradients)


@torch.no_grad()
def naswot(network: nn.Module, images: Tensor) -> float:
    """The log-determinant of the kernel of :func:`activation_kernel` (Mellor et al. 2021).

    A thousandth on its diagonal keeps the score of a network finite in which two images have the
    same code; otherwise it does not matter, the kernel being of whole numbers.

    Raises:
        ValueError: the network has no such activations.
    """
    kernel = activation_kernel(network, images)
    return float(np.linalg.slogdet(kernel + _DIAGONAL * np.eye(len(kernel)))[1])


@torch.no_grad()
def activation_kernel(network: nn.Module, images: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """For each two images, the number of hidden units on the same side of their activation.

    A unit's code is the sign of what enters a ReLU or one of its relatives (GELU, SiLU, ...), as a
    module or a function (Mellor et al. 2021, "Neural Architecture Search without Training").
    BatchNorm normalises by the batch of all ``images``; then they go through one by
    one, so that their codes are told apart however a network arranges its tensors.
    """
    _by_batch(network)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.momentum = 1.0  # the running statistics become those of this batch
    network(images)
    network.eval()
    codes = []
    for image in images[:, None]:
        with _Codes() as seen:
            network(image)
        codes.append(torch.cat(seen.signs) if seen.signs else torch.empty(0))
    if not codes[0].numel():
        raise ValueError("it has none of the activations ReLU, GELU, SiLU and their relatives")
    code = torch.stack(codes).double()
    return (code @ code.T + (1 - code) @ (1 - code).T).cpu().numpy()


class _Codes(TorchFunctionMode):
    """Sees what enters activations: a vector of truth values for each."""

    def __init__(self) -> None:
        super().__init__()
        self.signs: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "").rstrip("_") in _ACTIVATIONS:
            entering = args[0] if args else kwargs["input"]
            self.signs.append((entering > 0).flatten())
        return func(*args, **kwargs)


def _by_batch(network: nn.Module) -> None:
    """Evaluation mode, but for BatchNorm."""
    network.eval()
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.train()


def _flow(network: nn.Module, shape: Sequence[int]) -> dict[str, tuple[nn.Parameter, Tensor]]:
    """The magnitudes of parameters that R depends on, and its gradients by them, by name."""
    network.eval().double()  # products over many layers leave float32
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    device = next(network.parameters()).device
    with _passing_on(network):
        network(torch.ones(1, *shape, dtype=torch.float64, device=device)).sum().backward()
    return {n: (p, p.grad) for n, p in network.named_parameters() if p.grad is not None}


@contextmanager
def _passing_on(network: nn.Module) -> Iterator[None]:
    """Layers that normalise give what they get."""
    layers = [module for module in network.modules() if isinstance(module, _NORMALISATION)]
    hooks = [layer.register_forward_hook(lambda _, given, __: given[0]) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _attention(network: nn.Module) -> tuple[str, ...]:
    """What names of parameters begin with that belong to attention."""
    found = []
    for name, module in network.named_modules():
        called = f"{name.rpartition('.')[2]} {type(module).__name__}".lower()
        if name and ("attn" in called or "attention" in called):
            found.append(f"{name}.")
    return tuple(found)
