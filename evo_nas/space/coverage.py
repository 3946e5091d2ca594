"""Genomes that show what a space can be: its extremes, pairs of values of slots, then any.

What the costs of two slots have to do with one another shows where two of their values meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from math import prod

import numpy as np

from evo_nas.core.streams import Streams

from .space import Genome, Space

_CONTEXTS = 16  # that are gone through one by one; of more, their choices are taken as slots are
_VALUES = 10_000  # of a slot; where there are more, each of its choices is taken alone
_DRAWS = 100  # at random, after all that is not

Column = tuple[int, ...]  # positions of choices whose values are taken together


def representative(space: Space) -> Iterator[Genome]:
    """Different canonical genomes, those first that tell most about costs; always the same."""
    seen: set[Genome] = set()
    for genome in map(
        space.canonical, chain(extremes(space), pairs(space, every=True), _drawn(space))
    ):
        if genome not in seen:
            seen.add(genome)
            yield genome


def extremes(space: Space) -> Iterator[Genome]:
    """The cheapest and the dearest genomes by FLOPs, then those by parameters.

    Where costs do not add up nobody knows them: the first and the last genome.
    """
    contexts = _few_contexts(space)
    if not contexts or not _adds_up(space, contexts):
        yield (0,) * len(space.choices)
        yield tuple(len(choice.options) - 1 for choice in space.choices)
        return
    for name in ("flops", "params"):
        for most in (min, max):
            found = [_extreme(space, context, name, most) for context in contexts]
            yield most(found, key=lambda genome: space.costs(genome)[name])


def pairs(space: Space, *, every: bool = False) -> Iterator[Genome]:
    """Genomes that hold all pairs of values of neighbouring slots, or of ``every`` two of them.

    In each context, as long as there are few. The first ones hold each value once.
    """
    contexts = _few_contexts(space)
    columns = _columns(space, with_context=not contexts)
    given = [space.given(context) for context in contexts] or [{}]
    radices = [tuple(len(space.choices[i].options) for i in column) for column in columns]
    sizes = [prod(radix) for radix in radices]
    if len(columns) < 2:
        for number in range(max(sizes, default=1)):
            yield from (_genome(space, genes, columns, radices, [number]) for genes in given)
        return
    seen: set[tuple[int, int, int, int]] = set()
    for first, second in _places(len(columns), every):
        for step in range(sizes[second]):
            for start in range(sizes[first]):
                pair = first, second, start, (start + step) % sizes[second]
                if pair in seen:
                    continue
                # Each column is a step beyond the one before it: in columns of equal sizes such
                # rows hold each pair of neighbours once (an orthogonal array).
                numbers = [(start + step * (k - first)) % size for k, size in enumerate(sizes)]
                numbers[second] = pair[3]
                held = _places(len(columns), every)
                seen.update((k, m, numbers[k], numbers[m]) for k, m in held)
                yield from (_genome(space, genes, columns, radices, numbers) for genes in given)


def _places(columns: int, every: bool) -> list[tuple[int, int]]:
    """Pairs of columns: neighbours, then, if ``every`` pair is meant, those that are further."""
    apart = range(1, columns if every else 2)
    return [(k, k + distance) for distance in apart for k in range(columns - distance)]


def _genome(
    space: Space,
    genes: Mapping[int, int],
    columns: Sequence[Column],
    radices: Sequence[tuple[int, ...]],
    numbers: Sequence[int],
) -> Genome:
    """The genome in which each column holds the value of this number."""
    found = dict(genes)
    for column, radix, number in zip(columns, radices, numbers, strict=False):
        found.update(zip(column, map(int, np.unravel_index(number, radix)), strict=True))
    return space.canonical(space.fill(found))


def _few_contexts(space: Space) -> list[Genome]:
    """All contexts, if there are few."""
    some = islice(space.partial_genomes(space.context, {}), _CONTEXTS + 1)
    found = [tuple(genes[i] for i in space.context) for genes in some]
    return found if len(found) <= _CONTEXTS else []


def _columns(space: Space, with_context: bool) -> list[Column]:
    """The choices of each slot together, and of the context each alone, if they are wanted."""
    found: list[Column] = [(position,) for position in space.context if with_context]
    for positions in space.slots.values():
        values = prod(len(space.choices[i].options) for i in positions)
        found += [positions] if values <= _VALUES else [(i,) for i in positions]
    return found


def _adds_up(space: Space, contexts: Sequence[Genome]) -> bool:
    slots = space.slots
    return all(space.slot_costs(slot, each) is not None for slot in slots for each in contexts)


def _extreme(space: Space, context: Genome, name: str, most: Callable[..., Genome]) -> Genome:
    """The genome of a context that has the least, or the most, of a cost."""
    genes = space.given(context)
    for slot, positions in space.slots.items():
        table = space.slot_costs(slot, context)
        assert table is not None
        value = most(table, key=lambda each, of=table: of[each][name])
        genes.update(zip(positions, value, strict=True))
    return space.canonical(space.fill(genes))


def _drawn(space: Space) -> Iterator[Genome]:
    """Genomes from the prior."""
    rng = Streams(0).generator("whole networks")
    for _ in range(_DRAWS):
        yield tuple(int(rng.integers(len(choice.options))) for choice in space.choices)
