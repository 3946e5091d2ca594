"""Shared weights for mobile networks: of each block, one module for each kernel and expansion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from evo_nas.space.space import Genome
from evo_nas.space.supernet import Step, Supernet

from .blocks import InvertedResidual, Options
from .layout import Layout


class MobileNetSupernet(Supernet):
    """Weights for what can be reached, no more; paths are full genomes of the root space.

    Args:
        layout: the places of blocks at the supernet's geometry.
        reachable: what blocks can be: stage, position and options.
        decode: from a full genome to the blocks of each stage.
    """

    def __init__(
        self,
        layout: Layout,
        reachable: Sequence[tuple[int, int, Options]],
        decode: Callable[[Genome], Sequence[Sequence[Options]]],
    ) -> None:
        super().__init__()
        self._decode = decode
        self.stem, self.head = layout.stem(), layout.head()
        self.blocks = nn.ModuleDict(
            {
                _name(stage, position, options): InvertedResidual(
                    layout.place(stage, position), options
                )
                for stage, position, options in reachable
            }
        )

    def steps(self, genome: Genome) -> Sequence[Step]:
        return [
            Step(name, module, tuple(m for m in module.modules() if isinstance(m, nn.BatchNorm2d)))
            for name, module in self._path_modules(genome)
        ]

    def extract(self, genome: Genome) -> dict[str, Tensor]:
        return {
            f"{number}.{name}": tensor.detach().clone()
            for number, (_, module) in enumerate(self._path_modules(genome))
            for name, tensor in module.state_dict().items()
        }

    def _path_modules(self, genome: Genome) -> Iterator[tuple[str, nn.Module]]:
        yield "stem", self.stem
        for stage, blocks in enumerate(self._decode(genome)):
            for position, options in enumerate(blocks):
                name = _name(stage, position, options)
                yield name, self.blocks[name]
        yield "head", self.head


def _name(stage: int, position: int, options: Options) -> str:
    return f"stage{stage} block{position} K{options.kernel} E{options.expansion}"
