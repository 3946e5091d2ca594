"""Scores by what flows through a network of positive weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from .borrowing import borrowed
from .layers import weighted

# Names of functions of torch, of torch.nn.functional and of tensors.
_NORMALISATION = frozenset(
    f"{kind}_norm" for kind in ("batch", "layer", "group", "instance", "rms", "local_response")
)
_GATES = frozenset(("softmax", "sigmoid", "hardsigmoid"))


def synflow(network: nn.Module, shape: Sequence[int]) -> float:
    """Synaptic flow: log10 of the sum over parameters of |parameter x dR / dparameter|.

    R is the sum of the outputs for one image of ones (``shape``: channels, height, width) once all
    parameters are replaced by their magnitudes (Tanaka et al. 2020, "Pruning neural networks
    without any data by iteratively conserving synaptic flow", equation 2; summed over a network as
    by Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS"). The sum grows by powers of
    ten with depth; its logarithm has the same order.

    That the flow is conserved from layer to layer, which the score rests on (Tanaka et al., theorem
    1), needs layers that pass on what is positive in proportion. Two kinds of others are therefore
    replaced, see :class:`_Flow`: layers that normalise pass their input on, and what weighs (the
    softmax of attention, the gate of a GLU) is held constant. So weights that make queries, keys
    and gates count for nothing, whereas those of values count as any other.

    Raises:
        ValueError: no output depends on any parameter.
    """
    flow = flow_of(network, shape)
    return _magnitude(sum(_saliency(weight, gradient) for weight, gradient in flow.values()))


def dss(network: nn.Module, shape: Sequence[int]) -> float:
    """Log10 of the synaptic diversity of attention plus the synaptic saliency of other layers.

    For the flow of :func:`synflow`, over weights W of linear layers in attention, the sum of the
    nuclear norm of dR / dW times that of W; over weights of other linear layers and convolutions,
    the sum of |W x dR / dW| (Zhou et al. 2022, "Training-free Transformer Architecture Search",
    section 3.3). Attention is what lies in a module with "attn" or "attention" in its name or in
    that of its class; where it is convolutional, it counts by its saliency. Without any, this is
    the saliency alone.

    Raises:
        ValueError: no output depends on any parameter.
        torch.linalg.LinAlgError: the gradients are no numbers, or too large to have such a norm.
    """
    flow, attention, total = flow_of(network, shape), _attention(network), 0.0
    for name, layer in weighted(network).items():
        weight_name = f"{name}.weight".removeprefix(".")
        if weight_name not in flow:
            continue
        weight, gradient = flow[weight_name]
        if isinstance(layer, nn.Linear) and name.startswith(attention):
            norms = torch.linalg.matrix_norm(torch.stack((weight, gradient)), "nuc")
            total += float(norms.prod())
        else:
            total += _saliency(weight, gradient)
    return _magnitude(total)


def flow_of(network: nn.Module, shape: Sequence[int]) -> dict[str, tuple[Tensor, Tensor]]:
    """The magnitudes of parameters that R depends on, and its gradients by them, by name."""
    with borrowed(network):
        network.eval().double()  # products over many layers leave float32
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_()
        device = next(network.parameters()).device
        # Fused kernels compute the weights of attention anew for the gradient, by a difference of
        # two large numbers that is far from exact where they are not normalised.
        with sdpa_kernel(SDPBackend.MATH), _Flow():
            outputs = network(torch.ones(1, *shape, dtype=torch.float64, device=device))
        outputs.sum().backward()
        named = network.named_parameters()
        return {name: (p.detach(), p.grad) for name, p in named if p.grad is not None}


class _Flow(TorchFunctionMode):
    """Makes a network of magnitudes one through which what is positive flows in proportion.

    What normalises gives what it gets, as BatchNorm does for Abdelfattah et al. (2021): R would not
    depend on the weights before it. Without it numbers grow from layer to layer, and then softmax
    and sigmoid say 0 or 1, between which their slope is as good as infinite: a gradient through
    them is noise that overflows. So the gradient does not go through them.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").rstrip("_")
        if name in _NORMALISATION:
            return args[0]
        if name in _GATES:
            return func(*args, **kwargs).detach()
        if name == "glu":
            passed, gate = args[0].chunk(2, *args[1:], **kwargs)
            return passed * gate.sigmoid().detach()
        if name == "scaled_dot_product_attention":
            query, key, *others = args
            return func(query.detach(), key.detach(), *others, **kwargs)
        return func(*args, **kwargs)


def _saliency(weight: Tensor, gradient: Tensor) -> float:
    return float((weight * gradient).abs().sum())


def _magnitude(total: float) -> float:
    if total == 0:
        raise ValueError("nothing flows through it: no output depends on any of its weights")
    return math.log10(total)


def _attention(network: nn.Module) -> tuple[str, ...]:
    """What names of parameters begin with that belong to attention."""
    found = []
    for name, module in network.named_modules():
        called = f"{name.rpartition('.')[2]} {type(module).__name__}".lower()
        if name and ("attn" in called or "attention" in called):
            found.append(f"{name}.")
    return tuple(found)
