"""NAS-Bench-Macro: all networks of a space, trained.

Eight layers in stages of two, three and three, each the identity or one of two inverted residual
blocks of MobileNetV2: 6,561 genomes, of which 3,969 are distinct networks, all trained on CIFAR-10
with three seeds. The published file gives genomes of the same network the same figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from evo_nas.core.plugins.options import FilePath
from evo_nas.errors import TableError
from evo_nas.space.space import Cell, Choice, Genome, Geometry

from .file import Floats, Integers, TableFile, kept, read_json
from .table import arrange, read_metric
from .tabulated import Metric, Tabulated

OPTIONS = ("identity", "mbconv_k3_e3", "mbconv_k5_e6")  # kernel, expansion; the file's 0, 1, 2
_CELLS = (("identity",), ("MBConv", "k3 e3"), ("MBConv", "k5 e6"))
_STAGES = ((0, 2), (2, 5), (5, 8))  # each stage's first layer, and the one after its last
_LAYERS = tuple(f"layer{number}" for number in range(1, 9))


class NasBenchMacro(Tabulated):
    """The published table, ``nas_bench_macro?file=nas-bench-macro_cifar10.json``.

    FLOPs and parameters are the file's. Accuracies are shares (the file has percents): one seed's
    is a repeat, the mean of the seeds is the truth.

    The first layer of a stage changes the resolution and stays where it is; identities among the
    others of the stage do nothing, wherever they are, so the canonical genome has them last.

    Source: Su et al. 2021, "Prioritized Architecture Sampling with Monto-Carlo Tree Search", arXiv
    2103.11922.

    Args:
        file: the published JSON file's path.

    Raises:
        TableError: the file cannot be read or is not as published.
    """

    name = "nas_bench_macro"
    target = Geometry(image_size=32, channels=3, classes=10)

    def __init__(self, file: Annotated[str, FilePath()]) -> None:
        table = _read(Path(file))
        found, rows = arrange(table, _LAYERS)
        if any(options != (0, 1, 2) for options in found):
            raise TableError(f"{file}: genomes are written with the digits 0, 1 and 2")
        costs = {name: table.amounts(name)[rows] for name in ("flops", "params")}
        percents = read_metric(table, "test_acc").take(rows).repeats
        self._tabulate(
            [Choice(f"{layer}.block", OPTIONS, slot=layer) for layer in _LAYERS],
            costs,
            {"accuracy": Metric.mean(percents / 100)},
        )
        every = itertools.product(range(len(OPTIONS)), repeat=len(_LAYERS))
        self._canonical = {genome: _identities_last(genome) for genome in every}
        self._check_merged(table, rows, {**costs, "test_acc": percents})

    def _check_merged(
        self, table: TableFile, rows: Integers, figures: Mapping[str, Integers | Floats]
    ) -> None:
        """Different figures for one network would make its rank depend on how it is written."""
        same = np.array([self.number(genome) for genome in self._canonical.values()])
        for column, values in figures.items():
            wrong = np.argwhere(values != values[same])
            if len(wrong):
                other = table.places[rows[same[wrong[0, 0]]]]
                differs = f"differs from that of {other}, which is the same network"
                table.refuse(int(rows[wrong[0, 0]]), column, differs)

    def canonical(self, genome: Sequence[int]) -> Genome:
        return self._canonical[tuple(genome)]

    legend = "k: kernel; e: expansion; darker layers compute more"

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        return tuple(
            Cell(str(number), _CELLS[gene], gene / 2) for number, gene in enumerate(genome, start=1)
        )


def _identities_last(genome: Genome) -> Genome:
    canonical: list[int] = []
    for first, end in _STAGES:
        canonical.append(genome[first])
        canonical += sorted(genome[first + 1 : end], key=lambda gene: gene == 0)  # a stable order
    return tuple(canonical)


@kept
def _read(path: Path) -> TableFile:
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise TableError(f"{path} is not the published file: an object of objects by genome")
    rows: dict[str, Mapping[str, object]] = {}
    for genome, figures in content.items():
        if len(genome) != len(_LAYERS):
            raise TableError(f"{path}: {genome!r} is no genome of {len(_LAYERS)} digits")
        rows[f"network {genome!r}"] = {**dict(zip(_LAYERS, genome, strict=True)), **figures}
    return TableFile(path, rows)
