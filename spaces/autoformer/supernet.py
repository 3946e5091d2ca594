"""Weight entanglement (AutoFormer, section 3.2): all networks are slices of the largest.

A path takes the first rows and columns of each weight, and of queries, keys and values the first
rows of each. The authors' code reaches the latter by interleaving the rows of the three; their
biases it slices without regard to that, here each stays with its row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from evo_nas.space.space import Genome, Geometry
from evo_nas.space.supernet import Step, Supernet

from ..entanglement import Loan, run_on_loan
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
        self._borrowing: dict[Hashable, tuple[nn.Module, Loan]] = {}  # those asked for before

    def steps(self, genome: Genome) -> Sequence[Step]:
        return [
            Step((name, *options), partial(run_on_loan, run=hollow, loans=[loan]))
            for name, options, hollow, loan in self._hollow(genome)
        ]

    def extract(self, genome: Genome) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        for name, _, hollow, loan in self._hollow(genome):
            with loan:
                state.update(hollow.state_dict(prefix=f"{name}."))
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def _hollow(self, genome: Genome) -> Iterator[tuple[str, tuple[Any, ...], nn.Module, Loan]]:
        """Of each step its name, what it depends on, its hollow module, and what that borrows."""
        for name, make in parts(self._geometry, self._decode(genome)):
            key = (name, make.args)
            if key not in self._borrowing:
                with torch.device("meta"):
                    hollow = make()
                self._borrowing[key] = (hollow, Loan(self.largest[name], hollow))
            yield name, make.args, *self._borrowing[key]
