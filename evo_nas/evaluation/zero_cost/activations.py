"""A score by which of their hidden units images activate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .borrowing import borrowed

# Names of functions of torch, of torch.nn.functional and of tensors.
_ACTIVATIONS = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "prelu", "rrelu", "hardtanh", "hardswish"),
        *("elu", "celu", "selu", "gelu", "silu", "mish"),
    )
)
_DIAGONAL = 1e-3  # added to a kernel of whole numbers


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
    codes = []
    with borrowed(network):
        network(images)
        network.eval()
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
