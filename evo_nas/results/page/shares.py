"""Which options won: how often each is among the best candidates, and among all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evo_nas.results.candidates import Stage
from evo_nas.space.space import Genome, Option, Space
from evo_nas.space.table import kind

_BEST = 0.1


@dataclass(frozen=True, slots=True)
class Share:
    """An option's share among the best and among all, of candidates that make the choice at all."""

    option: Option
    best: float
    all: float


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A slot, or what belongs to no slot; for each kind of choice the shares of its options.

    They are empty where the slot has no such choice, or it was not searched, or none of the best
    candidates makes it.
    """

    name: str
    cells: tuple[tuple[Share, ...], ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of a stage; ``best`` of ``all`` candidates count as the best."""

    kinds: tuple[str, ...]
    rows: tuple[ShareRow, ...]
    best: int
    all: int


def shares(stage: Stage, space: Space) -> Shares | None:
    """The shares of all choices that differ among a stage's candidates; None if none does.

    The best are a tenth of the different networks, one at least.
    """
    genomes = [candidate.evaluation.genome for candidate in stage.ranked]
    best = math.ceil(_BEST * len(genomes))
    everywhere = _counts(genomes, space)
    among_best = _counts(genomes[:best], space)
    varied = [i for i in range(len(space.choices)) if len(everywhere[i]) > 1]
    if not varied:
        return None
    searched = {kind(space, position) for position in varied}
    in_order = dict.fromkeys(kind(space, position) for position in range(len(space.choices)))
    kinds = tuple(name for name in in_order if name in searched)
    rows: dict[str, dict[str, tuple[Share, ...]]] = {}
    for position in varied:
        name = space.choices[position].slot or "whole network"
        row = rows.setdefault(name, {})
        row[kind(space, position)] = _shares(space, position, among_best, everywhere)
    return Shares(
        kinds,
        tuple(ShareRow(n, tuple(row.get(k, ()) for k in kinds)) for n, row in rows.items()),
        best,
        len(genomes),
    )


def _counts(genomes: Sequence[Genome], space: Space) -> list[Counter[int]]:
    """For each choice, how often each of its options is held where it is active."""
    counts: list[Counter[int]] = [Counter() for _ in space.choices]
    for genome in genomes:
        for count, gene, on in zip(counts, genome, space.active(genome), strict=True):
            if on:
                count[gene] += 1
    return counts


def _shares(
    space: Space, position: int, best: Sequence[Counter[int]], everywhere: Sequence[Counter[int]]
) -> tuple[Share, ...]:
    of_best, of_all = best[position].total(), everywhere[position].total()
    if not of_best:
        return ()
    return tuple(
        Share(option, best[position][i] / of_best, everywhere[position][i] / of_all)
        for i, option in enumerate(space.choices[position].options)
    )
