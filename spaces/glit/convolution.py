"""Local heads by convolution, over tokens or the grid of patches, and a faster way to run them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from ..entanglement import Layout, Part


class Transposed(nn.Module):
    """Swap the last two of three dimensions: tokens before channels, or after them."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.transpose(1, 2)


class Convolution(nn.Sequential):
    """The layers of convolution heads (section 3.1.1, Figure 3) around a depthwise convolution.

    Tokens (batch, tokens, channels) to the same shape; inside there are ``expansion`` (E) times as
    many channels, which is what ``depthwise`` is told.
    """

    def __init__(
        self, channels: int, expansion: int, depthwise: Callable[[int], nn.Module]
    ) -> None:
        inner = channels * expansion
        super().__init__(
            Transposed(),
            nn.Conv1d(channels, 2 * inner, 1),
            nn.GLU(dim=1),
            depthwise(inner),
            nn.BatchNorm1d(inner),
            nn.SiLU(),
            nn.Conv1d(inner, channels, 1),
            Transposed(),
        )
        self.channels, self.expansion = channels, expansion

    def forward(self, tokens: Tensor) -> Tensor:
        if isinstance(self[3], DepthwiseConvolution) and runs_by_channel(tokens):
            return run_by_channel(tokens, self)
        return super().forward(tokens)  # type: ignore[no-any-return, no-untyped-call]

    def layout(self) -> Layout:
        """The last channels, since global heads have the first, and the middle of the kernels."""
        channels = Part(self.channels, "last")
        outside, inner, one = (channels,), (Part(self.expansion), channels), (Part(1),)
        sizes = self.get_parameter("3.conv.weight").shape[2:]
        kernel = [(Part(size, "middle"),) for size in sizes]
        return {
            "1.weight": ((Part(2), *inner), outside, one), "1.bias": ((Part(2), *inner),),
            "3.conv.weight": (inner, one, *kernel), "3.conv.bias": (inner,),
            "4.weight": (inner,), "4.bias": (inner,),
            "6.weight": (outside, inner, one), "6.bias": (outside,),
        }  # fmt: skip


class DepthwiseConvolution(nn.Module):
    """One odd kernel for each channel, as many tokens out as in; (batch, channels, tokens)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        assert kernel % 2 == 1, "an even kernel has no middle"
        self.conv = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.conv(tokens)  # type: ignore[no-any-return]

    def by_channel(self, tokens: Tensor) -> Tensor:
        """Tokens (channels, batch, tokens) to the same shape, by banded matrices."""
        assert self.conv.bias is not None
        matrices = _banded(self.conv.weight[:, 0], tokens.shape[2])
        mixed: Tensor = _BatchedProduct.apply(tokens, matrices)  # type: ignore[no-untyped-call]
        return mixed + self.conv.bias[:, None, None]


class GridConvolution(nn.Module):
    """One odd square kernel for each channel over a grid of patches (paper, Table 6, "Conv2d").

    Patches (batch, channels, side * side), row by row, to the same shape.
    """

    def __init__(self, channels: int, kernel: int, side: int) -> None:
        super().__init__()
        assert kernel % 2 == 1, "an even kernel has no middle"
        self.side = side
        self.conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)

    def forward(self, patches: Tensor) -> Tensor:
        grid = patches.reshape(*patches.shape[:2], self.side, self.side)
        return self.conv(grid).flatten(2)  # type: ignore[no-any-return]


def runs_by_channel(tokens: Tensor) -> bool:
    """Whether :func:`run_by_channel` is the faster way for tokens (batch, tokens, channels)."""
    # FLOPs are counted and networks exported on the convolution, whichever way it runs here.
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    if tracing or torch.compiler.is_compiling():
        return False
    batch, length, _ = tokens.shape
    # Measured on one and two cores, local heads as a whole, batch 64: in training 2.6 times faster
    # at 17 tokens, about 2 at 65 and still 2 at 197; slower where a matrix is made for few rows.
    # One image, of which FLOPs are counted, is never enough for it.
    return tokens.device.type == "cpu" and length <= _LONGEST and 1 < batch >= length / 6


_LONGEST = 256  # tokens; the matrices take memory by their square


def run_by_channel(tokens: Tensor, net: nn.Sequential) -> Tensor:
    """The layers of local heads with the channel as the first dimension.

    That way the pointwise convolutions are plain matrix products, the depthwise one is a batched
    product with banded (Toeplitz) matrices, and no layer needs a copy in another order.

    Args:
        tokens: (batch, tokens, channels), float.
        net: a :class:`Convolution` around a :class:`DepthwiseConvolution`.

    Returns:
        What ``net(tokens)`` gives, up to rounding.
    """
    batch, length, channels = tokens.shape
    _, expand, _, depthwise, norm, activation, reduce, _ = net
    assert isinstance(expand, nn.Conv1d)
    assert isinstance(depthwise, DepthwiseConvolution)
    assert isinstance(reduce, nn.Conv1d)
    assert expand.bias is not None
    rows = tokens.reshape(-1, channels).t()  # (channels, batch * tokens)
    hidden = torch.addmm(expand.bias[:, None], expand.weight[:, :, 0], rows)
    hidden = F.glu(hidden, dim=0)  # (inner, batch * tokens)
    mixed = depthwise.by_channel(hidden.view(-1, batch, length))
    hidden = activation(norm(mixed.view(1, -1, batch * length)))[0]
    return F.linear(hidden.t(), reduce.weight[:, :, 0], reduce.bias).view(batch, length, -1)


def _banded(kernels: Tensor, length: int) -> Tensor:
    """The kernels as banded matrices (channels, length, length), to multiply tokens by."""
    spread = _spread(kernels.shape[1], length, kernels.dtype)
    return (kernels @ spread).view(-1, length, length)


@functools.cache
def _spread(kernel: int, length: int, dtype: torch.dtype) -> Tensor:
    """(kernel, length * length): 1 where the entry of a banded matrix is that kernel element."""
    # Made once for evaluation and training: a tensor of inference mode could not be trained with.
    with torch.inference_mode(False):
        source, target = torch.arange(length)[:, None], torch.arange(length)
        element = source - target + kernel // 2  # tokens outside the kernel match none
        return (torch.arange(kernel)[:, None, None] == element).to(dtype).flatten(1)


class _BatchedProduct(torch.autograd.Function):
    """A batched product (channels, batch, length) x (channels, length, length).

    On the CPU bmm falls back to a loop over channels unless all operands are contiguous, the
    gradient that arrives here among them.
    """

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, matrices: Tensor) -> Tensor:
        ctx.save_for_backward(tokens, matrices)
        return torch.bmm(tokens, matrices)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        tokens, matrices = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        return (
            torch.bmm(gradient, matrices.transpose(1, 2)),
            torch.bmm(tokens.transpose(1, 2), gradient),
        )
