"""Which options won: how often each is among the best candidates, and among all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evo_nas.results.candidates import Stage
from evo_nas.space.space import Choice, Genome, Option, Space
from evo_nas.space.table import kind

_BEST = 0.1


@dataclass(frozen=True, slots=True)
class Share:
    """An option's share among the best and among all, of candidates that make the choice at all."""

    option: Option
    best: float
    all: float


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of a stage; ``best`` of ``all`` candidates count as the best.

    ``rows`` are slots, and what belongs to none; for each kind of choice they have the shares of
    its options: none where the slot has no such choice, or it was not searched, or none of the best
    candidates makes it.
    """

    kinds: tuple[str, ...]
    rows: Mapping[str, Sequence[Sequence[Share]]]
    best: int
    all: int


def shares(stage: Stage, space: Space) -> Shares | None:
    """The shares of all choices that differ among a stage's candidates; None if none does.

    The best are a tenth of the different networks, one at least.
    """
    genomes = [candidate.evaluation.genome for candidate in stage.ranked]
    best = math.ceil(_BEST * len(genomes))
    everywhere, among_best = _counts(genomes, space), _counts(genomes[:best], space)
    kinds: dict[str, bool] = {}  # whether it was searched; in the order of the choices
    rows: dict[str, dict[str, list[Share]]] = {}
    for position, choice in enumerate(space.choices):
        name = kind(space, position)
        counts = everywhere[position], among_best[position]
        kinds[name] = kinds.get(name, False) or len(counts[0]) > 1
        if len(counts[0]) > 1:
            row = rows.setdefault(choice.slot or "whole network", {})
            row[name] = _shares(choice, *counts)
    if not rows:
        return None
    searched = tuple(name for name, varied in kinds.items() if varied)
    cells = {slot: [row.get(name, []) for name in searched] for slot, row in rows.items()}
    return Shares(searched, cells, best, len(genomes))


def _counts(genomes: Sequence[Genome], space: Space) -> list[Counter[int]]:
    """For each choice, how often each of its options is held where it is active."""
    counts: list[Counter[int]] = [Counter() for _ in space.choices]
    for genome in genomes:
        for count, gene, on in zip(counts, genome, space.active(genome), strict=True):
            if on:
                count[gene] += 1
    return counts


def _shares(choice: Choice, everywhere: Counter[int], best: Counter[int]) -> list[Share]:
    if not best:
        return []
    return [
        Share(option, best[i] / best.total(), everywhere[i] / everywhere.total())
        for i, option in enumerate(choice.options)
    ]
