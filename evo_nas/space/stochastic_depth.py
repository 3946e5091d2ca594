"""Stochastic depth (Huang et al., ECCV 2016): training leaves residual branches out at random.

A network that wants it has a :class:`StochasticDepth` behind its residual branches, at rate 0; the
training recipe says how high the rates become.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

UNKNOWN = "this network knows no stochastic depth: it is trained without"


class StochasticDepth(nn.Module):
    """Leaves a branch out with probability ``rate``, image by image; what is kept is scaled up."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def extra_repr(self) -> str:
        """The rate."""
        return f"rate={self.rate:g}"

    def forward(self, branch: Tensor) -> Tensor:
        """A branch (batch, ...) to the same shape; unchanged outside of training."""
        if not self.training or self.rate == 0:
            return branch
        shape = (len(branch),) + (1,) * (branch.ndim - 1)
        kept = torch.rand(shape, device=branch.device) >= self.rate
        return branch * (kept / (1 - self.rate))


def set_stochastic_depth(network: nn.Module, rate: float) -> int:
    """Set the rates of a network's branches, rising linearly from 0 to ``rate`` with the depth.

    Returns:
        How many branches (blocks) there are; 0: the network knows no stochastic depth.
    """
    branches = [module for module in network.modules() if isinstance(module, StochasticDepth)]
    for number, branch in enumerate(branches):
        branch.rate = rate * number / max(len(branches) - 1, 1)
    return len(branches)
