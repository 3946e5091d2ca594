"""Choices and the genomes over them: what is active, canonical, and possible in a slot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from evo_nas.errors import SpaceError, nearest

Option: TypeAlias = int | float | str | bool | None  # what JSON keeps
Genome: TypeAlias = tuple[int, ...]  # one option index for each choice
Condition: TypeAlias = tuple[int, frozenset[int]]  # index of a parent choice, its option indices


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision of an architecture.

    ``level`` says which stage of a hierarchical search decides it. ``slot`` names the additive part
    of the cost that it belongs to; None makes it context, which may change every slot's cost.
    The choice is active only while each earlier choice named in ``when`` is active and holds one of
    the given options; an inactive choice has no value. Options of NumPy become Python's.
    """

    name: str
    options: tuple[Option, ...]
    level: int = 0
    slot: str | None = None
    when: Mapping[str, frozenset[Option]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.options, tuple):
            plain = tuple(o.item() if isinstance(o, np.generic) else o for o in self.options)
            object.__setattr__(self, "options", plain)


class Choices:
    """Named choices; a genome holds one option index for each.

    The prior, on which sampling, training and random search agree, is: every active choice
    uniform, parents before children.
    """

    name: str
    choices: tuple[Choice, ...]

    # -- structure, derived from ``choices`` -----------------------------------------------------

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The position of each choice by name."""
        return {choice.name: i for i, choice in enumerate(self.choices)}

    @cached_property
    def conditions(self) -> tuple[tuple[Condition, ...], ...]:
        """For each choice, the parents and the option indices under which it is active.

        Raises:
            SpaceError: choices are empty, repeated, or refer to what does not come before them.
        """
        if len(self.index) != len(self.choices):
            raise SpaceError(f"space {self.name}: two choices share a name; make the names unique")
        conditions = []
        for position, choice in enumerate(self.choices):
            if not choice.options or len(set(choice.options)) != len(choice.options):
                raise SpaceError(f"choice {choice.name}: options must be distinct, one at least")
            conditions.append(tuple(self._condition(position, name) for name in choice.when))
        return tuple(conditions)

    def _condition(self, position: int, parent_name: str) -> Condition:
        choice = self.choices[position]
        parent_index = self.index.get(parent_name, position)
        if parent_index >= position:
            raise SpaceError(
                f"choice {choice.name}: 'when' names {parent_name!r}, which is no earlier choice"
            )
        parent = self.choices[parent_index]
        if parent.slot not in (None, choice.slot):
            raise SpaceError(
                f"choice {choice.name}: its parent {parent_name} belongs to another slot; "
                "a parent is in the same slot or in none"
            )
        allowed = choice.when[parent_name]
        unknown = sorted(map(str, allowed - set(parent.options)))
        if unknown:
            raise SpaceError(f"choice {choice.name}: {parent_name} has no option {unknown[0]}")
        return parent_index, frozenset(i for i, o in enumerate(parent.options) if o in allowed)

    @cached_property
    def slots(self) -> Mapping[str, tuple[int, ...]]:
        """For each slot, the positions of its choices."""
        slots: dict[str, tuple[int, ...]] = {}
        for position, choice in enumerate(self.choices):
            if choice.slot is not None:
                slots[choice.slot] = (*slots.get(choice.slot, ()), position)
        return slots

    @cached_property
    def context(self) -> tuple[int, ...]:
        """The positions of the choices that belong to no slot."""
        return tuple(i for i, choice in enumerate(self.choices) if choice.slot is None)

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The levels that choices have, in the order in which they are decided."""
        return tuple(sorted({choice.level for choice in self.choices}))

    # -- genomes ---------------------------------------------------------------------------------

    def active(self, genome: Sequence[int]) -> list[bool]:
        """Whether each choice is active in this genome."""
        active = [True] * len(self.choices)
        for position, conditions in self._conditional:
            for parent, allowed in conditions:  # a plain loop: this runs for every genome
                if not active[parent] or genome[parent] not in allowed:
                    active[position] = False
                    break
        return active

    @cached_property
    def _conditional(self) -> tuple[tuple[int, tuple[Condition, ...]], ...]:
        """The positions of choices that may be inactive, with their conditions."""
        return tuple((i, conditions) for i, conditions in enumerate(self.conditions) if conditions)

    def canonical(self, genome: Sequence[int]) -> Genome:
        """The one genome that stands for all genomes of the same network.

        Inactive choices hold their first option. A space in which different genomes are the same
        network for other reasons overrides this; the result must be canonical and cost the same.
        How many networks meet a budget is then known of small spaces only.
        """
        if not self._conditional:
            return tuple(genome)
        return tuple([g if on else 0 for g, on in zip(genome, self.active(genome), strict=True)])

    def number(self, genome: Sequence[int]) -> int:
        """The genome as one integer, in the order of genomes."""
        number = 0
        for gene, choice in zip(genome, self.choices, strict=True):
            number = number * len(choice.options) + gene
        return number

    def check(self, genome: Sequence[int]) -> Genome:
        """The canonical genome, after checking length and option indices.

        Raises:
            SpaceError: the genome does not belong to this space.
        """
        if len(genome) != len(self.choices):
            raise SpaceError(
                f"a genome of {self.name} has {len(self.choices)} genes, this one {len(genome)}"
            )
        for gene, choice in zip(genome, self.choices, strict=True):
            if type(gene) is not int or not 0 <= gene < len(choice.options):
                raise SpaceError(
                    f"choice {choice.name} of {self.name} has options 0 to "
                    f"{len(choice.options) - 1}, not {gene!r}"
                )
        return self.canonical(genome)

    def options(self, genome: Sequence[int]) -> dict[str, Option]:
        """The option of each active choice, by the choice's name."""
        return {
            choice.name: choice.options[gene]
            for choice, gene, on in zip(self.choices, genome, self.active(genome), strict=True)
            if on
        }

    def encode(self, options: Mapping[str, Option]) -> Genome:
        """The canonical genome with these options; inactive choices may be left out.

        Raises:
            SpaceError: a choice or option is unknown, or an active choice is missing.
        """
        for name in options:
            if name not in self.index:
                raise SpaceError(f"{self.name} has no choice {name!r}; {nearest(name, self.index)}")
        genome = []
        for choice in self.choices:
            value = options.get(choice.name, choice.options[0])
            if value not in choice.options:
                raise SpaceError(f"choice {choice.name} has no option {value!r}: {choice.options}")
            genome.append(choice.options.index(value))
        missing = self.options(genome).keys() - options.keys()
        if missing:
            raise SpaceError(f"choice {min(missing)} of {self.name} is active and has no option")
        return self.canonical(genome)

    def partial_genomes(
        self, positions: Sequence[int], given: Mapping[int, int]
    ) -> Iterator[dict[int, int]]:
        """All canonical ways to set ``positions`` on top of the genes in ``given``."""
        if not positions:
            yield dict(given)
            return
        position, rest = positions[0], positions[1:]
        on = self.is_active_under(position, given)
        for gene in range(len(self.choices[position].options) if on else 1):
            yield from self.partial_genomes(rest, {**given, position: gene})

    def is_active_under(self, position: int, genes: Mapping[int, int]) -> bool:
        """Whether a choice is active, when at least its ancestors' genes are given."""
        return all(
            genes[p] in allowed and self.is_active_under(p, genes)
            for p, allowed in self.conditions[position]
        )

    @cached_property
    def contexts(self) -> tuple[Genome, ...]:
        """All canonical joint values of the context choices, in the order of ``context``."""
        found = self.partial_genomes(self.context, {})
        return tuple(tuple(genes[i] for i in self.context) for genes in found)

    def given(self, context: Genome) -> dict[int, int]:
        """The genes of a context by position."""
        return dict(zip(self.context, context, strict=True))

    def slot_values(self, slot: str, context: Genome) -> tuple[Genome, ...]:
        """All canonical joint values of a slot's choices under a context.

        One without genes, where the slot has no choices.
        """
        positions = self.slots.get(slot, ())
        return tuple(
            tuple(genes[i] for i in positions)
            for genes in self.partial_genomes(positions, self.given(context))
        )

    def place(self, slot: str, context: Genome, value: Genome) -> Genome:
        """A genome with this context and slot value, and first options elsewhere."""
        positions = self.slots.get(slot, ())
        return self.fill({**self.given(context), **dict(zip(positions, value, strict=True))})

    def fill(self, genes: Mapping[int, int]) -> Genome:
        """A genome with these genes by position, and first options elsewhere."""
        genome = [0] * len(self.choices)
        for position, gene in genes.items():
            genome[position] = gene
        return tuple(genome)
