"""Weight entanglement (AutoFormer, section 3.2): all networks are slices of the largest.

A path takes the first rows and columns of each weight, and of queries, keys and values the first
rows of each. The authors' code reaches the latter by interleaving the rows of the three; their
biases it slices without regard to that, here each stays with its row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from evo_nas.space.space import Genome, Geometry
from evo_nas.space.supernet import Step, Supernet

from .blocks import Shape, parts


class AutoFormerSupernet(Supernet):
    """Holds the largest network that can be reached; paths are full genomes of the root space.

    Args:
        geometry: what genomes do not decide.
        largest: the largest width, depth, and of each layer heads and MLP ratio.
        decode: from a full genome to its numbers at the geometry.
    """

    def __init__(
        self, geometry: Geometry, largest: Shape, decode: Callable[[Genome], Shape]
    ) -> None:
        super().__init__()
        self._geometry, self._decode = geometry, decode
        self.largest = nn.ModuleDict({name: make() for name, make in parts(geometry, largest)})
        # Modules of a path, without memory for weights: they lend their structure to slices.
        self._hollow: dict[Hashable, nn.Module] = {}

    def steps(self, genome: Genome) -> Sequence[Step]:
        return [
            Step((name, *make.args), partial(self._run, name, self._hollow_module(make)))
            for name, make in parts(self._geometry, self._decode(genome))
        ]

    def extract(self, genome: Genome) -> dict[str, Tensor]:
        return {
            f"{name}.{weight}": tensor.detach().clone()
            for name, make in parts(self._geometry, self._decode(genome))
            for weight, tensor in self._slices(name, self._hollow_module(make)).items()
        }

    def _hollow_module(self, make: partial[Any]) -> nn.Module:
        kind = (make.func, make.args)  # the same in each layer
        if kind not in self._hollow:
            with torch.device("meta"):
                self._hollow[kind] = make()
        return self._hollow[kind]

    def _run(self, name: str, hollow: nn.Module, hidden: Tensor) -> Tensor:
        return functional_call(hollow, self._slices(name, hollow), (hidden,))  # type: ignore[no-any-return]

    def _slices(self, name: str, hollow: nn.Module) -> dict[str, Tensor]:
        """The slices of a step's weights that the hollow module has room for."""
        whole = dict(self.largest[name].named_parameters())
        return {
            weight: _first(whole[weight], like.shape, 3 if ".qkv." in weight else 1)
            for weight, like in hollow.named_parameters()
        }


def _first(weight: Tensor, shape: Sequence[int], groups: int) -> Tensor:
    """The first rows (of each group of rows) and columns, as many as ``shape`` says."""
    if weight.shape == tuple(shape):
        return weight
    grouped = weight.view(groups, -1, *weight.shape[1:])
    rows: Tensor = grouped[:, : shape[0] // groups].flatten(0, 1)
    return rows[(slice(None), *(slice(size) for size in shape[1:]))]
