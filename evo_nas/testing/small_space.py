"""A space for trying evaluators and strategies on: all that a space can have, and 625 genomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from evo_nas.space.costs.counted import CountedSpace
from evo_nas.space.space import Choice, Genome, Geometry, Space
from evo_nas.space.supernet import Step, Supernet

_BLOCKS = ("block1", "block2", "block3", "block4")
_KINDS = ("skip", "linear", "mlp")
_HIDDEN = (4, 8, 16)


class SmallSpace(CountedSpace):
    """Four blocks; what each is (level 0), and how wide (level 1), which only an MLP has.

    Its supernet holds a module for each value of each block. It has known results too: made up, and
    a little better the larger a network is.
    """

    name = "small_space"
    target = Geometry(image_size=8, channels=1, classes=10, width=12)

    def __init__(self) -> None:
        self.choices = tuple(
            choice
            for block in _BLOCKS
            for choice in (
                Choice(f"{block}.kind", _KINDS, 0, block),
                Choice(f"{block}.hidden", _HIDDEN, 1, block, {f"{block}.kind": frozenset({"mlp"})}),
            )
        )

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        pairs = zip(genome[::2], genome[1::2], strict=True)
        blocks = [_block(geometry.width, kind, hidden) for kind, hidden in pairs]
        return nn.Sequential(_stem(geometry), *blocks, nn.Linear(geometry.width, geometry.classes))

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        return _SmallSupernet(geometry)

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        return Geometry(image_size, channels, classes, width=self.target.width)

    def metrics(self, genome: Sequence[int], repeat: int | None = None) -> Mapping[str, float]:
        genes = [gene * (1 + i % 3) for i, gene in enumerate(self.canonical(genome))]
        return {"accuracy": 0.5 + sum(genes) / 100 + (repeat or 0) / 1000, "standard_error": 0.01}


class _SmallSupernet(Supernet):
    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.stem, self.head = _stem(geometry), nn.Linear(geometry.width, geometry.classes)
        self.blocks = nn.ModuleDict(
            {
                f"{block}-{kind}-{hidden}": _block(geometry.width, kind, hidden)
                for block in _BLOCKS
                for kind, hidden in [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
            }
        )

    def _path_modules(self, genome: Genome) -> list[tuple[str, nn.Module]]:
        genes = zip(_BLOCKS, genome[::2], genome[1::2], strict=True)
        names = [f"{block}-{kind}-{hidden}" for block, kind, hidden in genes]
        blocks = [(name, self.blocks[name]) for name in names]
        return [("stem", self.stem), *blocks, ("head", self.head)]

    def steps(self, genome: Genome) -> Sequence[Step]:
        return [Step(name, module) for name, module in self._path_modules(genome)]

    def extract(self, genome: Genome) -> dict[str, Tensor]:
        path = nn.Sequential(*(module for _, module in self._path_modules(genome)))
        return {name: tensor.clone() for name, tensor in path.state_dict().items()}


class _Residual(nn.Module):
    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.parts(features)  # type: ignore[no-any-return]


def _block(width: int, kind: int, hidden: int) -> nn.Module:
    if _KINDS[kind] == "skip":
        return nn.Identity()
    if _KINDS[kind] == "linear":
        return _Residual(nn.Linear(width, width))
    inner = _HIDDEN[hidden]
    return _Residual(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))


def _stem(geometry: Geometry) -> nn.Module:
    pixels = geometry.channels * geometry.image_size**2
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, geometry.width), nn.ReLU())
