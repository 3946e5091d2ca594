"""Search spaces: choices, genomes, stages, costs, and the networks that a space can build.

A space author writes a subclass of :class:`Space` with ``name``, ``choices``, ``target`` and as
many of the methods at its end as the space is to be used for. Everything else follows from them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from .errors import SpaceError, nearest

if TYPE_CHECKING:
    from torch import nn

    from .subspace import Subspace
    from .supernet import Supernet

Option: TypeAlias = int | float | str
Genome: TypeAlias = tuple[int, ...]  # one option index for each choice
Costs: TypeAlias = Mapping[str, int]  # "flops" (multiply-accumulates, batch 1) and "params"
Condition: TypeAlias = tuple[int, frozenset[int]]  # index of a parent choice, its option indices


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision of an architecture.

    ``level`` says which stage of a hierarchical search decides it. ``slot`` names the additive part
    of the cost that it belongs to; None makes it context, which may change every slot's cost.
    The choice is active only while each earlier choice named in ``when`` is active and holds one of
    the given options; an inactive choice has no value.
    """

    name: str
    options: tuple[Option, ...]
    level: int = 0
    slot: str | None = None
    when: Mapping[str, frozenset[Option]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a genome does not decide.

    ``image_size`` and ``patch_size`` are pixels of a square's side, ``width`` channels; a space
    ignores what it has no use for.
    """

    image_size: int
    channels: int
    classes: int
    patch_size: int = 1
    width: int = 1
    heads: int = 1

    def __str__(self) -> str:
        return (
            f"{self.width} wide, {self.heads} heads, {self.image_size}x{self.image_size}x"
            f"{self.channels} images, patch {self.patch_size}, {self.classes} classes"
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One box of an architecture's picture: a title, lines below it, and a shade from 0 to 1."""

    title: str
    lines: tuple[str, ...]
    shade: float


class Space(ABC):
    """A search space; see the module's docstring."""

    name: str
    choices: tuple[Choice, ...]
    target: Geometry  # budgets are counted here

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
        active: list[bool] = []
        for conditions in self.conditions:
            active.append(all(active[p] and genome[p] in allowed for p, allowed in conditions))
        return active

    def canonical(self, genome: Sequence[int]) -> Genome:
        """The one genome that stands for all genomes of the same network.

        Inactive choices hold their first option. A space in which different genomes are the same
        network for other reasons overrides this; the result must be canonical and cost the same.
        """
        active = self.active(genome)
        return tuple(gene if on else 0 for gene, on in zip(genome, active, strict=True))

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
        return tuple(
            tuple(genes[i] for i in self.context)
            for genes in self.partial_genomes(self.context, {})
        )

    def slot_values(self, slot: str, context: Genome) -> tuple[Genome, ...]:
        """All canonical joint values of a slot's choices under a context."""
        positions = self.slots[slot]
        given = dict(zip(self.context, context, strict=True))
        return tuple(
            tuple(genes[i] for i in positions) for genes in self.partial_genomes(positions, given)
        )

    def reachable(self, slot: str) -> tuple[Mapping[str, Option], ...]:
        """The options by name of each joint value that a slot can take, over all contexts."""
        found: dict[tuple[tuple[str, Option], ...], Mapping[str, Option]] = {}
        for genome in self._slot_representatives(slot):
            wanted = {self.choices[i].name for i in self.slots[slot]}
            options = {k: v for k, v in self.options(genome).items() if k in wanted}
            found.setdefault(tuple(options.items()), options)
        return tuple(found.values())

    def _slot_representatives(self, slot: str) -> Iterator[Genome]:
        for context in self.contexts:
            for value in self.slot_values(slot, context):
                yield self.place(slot, context, value)

    def place(self, slot: str, context: Genome, value: Genome) -> Genome:
        """A genome with this context and slot value, and first options elsewhere."""
        genome = [0] * len(self.choices)
        for position, gene in zip(self.context, context, strict=True):
            genome[position] = gene
        for position, gene in zip(self.slots[slot], value, strict=True):
            genome[position] = gene
        return tuple(genome)

    # -- stages of a hierarchical search ---------------------------------------------------------

    def lift(self, genome: Sequence[int]) -> Genome:
        """The canonical full genome; for a space in which nothing is frozen, the genome itself."""
        return self.canonical(genome)

    @property
    def root(self) -> Space:
        """The space whose full genomes :meth:`lift` gives."""
        return self

    def details(self) -> Mapping[str, Option]:
        """What the choices of later levels hold while an earlier level is searched.

        The middle option, unless a space knows better.
        """
        return {c.name: c.options[len(c.options) // 2] for c in self.choices}

    def fixed_at(self, level: int, decided: Genome | None) -> dict[str, Option]:
        """The choices that are frozen while ``level`` is searched, by name.

        Earlier levels hold what ``decided`` (a full genome, None at the first level) says, later
        ones their :meth:`details`. A space may freeze more, slot by slot: what it freezes in a slot
        may depend on what was decided in that slot and in the context, on nothing else.
        """
        details = self.details()
        fixed: dict[str, Option] = {}
        for position, choice in enumerate(self.choices):
            if choice.level > level:
                fixed[choice.name] = details[choice.name]
            elif choice.level < level:
                assert decided is not None, "a later level needs what was decided before it"
                fixed[choice.name] = choice.options[decided[position]]
        return fixed

    def stage(self, level: int, decided: Genome | None = None) -> Subspace:
        """The space that a hierarchical search searches at ``level``."""
        from .subspace import Subspace  # noqa: PLC0415  a subspace is a space: the import is mutual

        return Subspace(self, self.fixed_at(level, decided))

    # -- costs at the target geometry ------------------------------------------------------------

    def costs(self, genome: Sequence[int]) -> Costs:
        """FLOPs and parameters of a genome at the target geometry.

        The sum over slots; a space whose cost is not additive overrides this, and leaves
        :meth:`slot_costs` as it is.
        """
        genome = self.canonical(genome)
        context = tuple(genome[i] for i in self.context)
        total = dict(self.fixed_costs(context))
        for slot, positions in self.slots.items():
            table = self.slot_costs(slot, context)
            if table is None:
                raise SpaceError(f"space {self.name} defines neither slot_costs nor costs")
            for name, cost in table[tuple(genome[i] for i in positions)].items():
                total[name] += cost
        return total

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        """The cost of each of a slot's values under a context; None if costs do not add up."""
        return None

    def fixed_costs(self, context: Genome) -> Costs:
        """What every genome with this context costs besides its slots."""
        return {"flops": 0, "params": 0}

    # -- networks --------------------------------------------------------------------------------

    @abstractmethod
    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        """The stand-alone network: images (batch, channels, size, size) to logits."""

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        """Shared weights for all that the subspace ``reachable`` (default: self) can reach."""
        raise SpaceError(
            f"space {self.name} has no supernet; use another evaluator, such as --evaluator train"
        )

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """The geometry for training on such images here; at the target's size, the target."""
        raise SpaceError(f"space {self.name} has no proxy geometry for {image_size}-pixel images")

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        """The architecture as boxes in order, for people to look at; none by default."""
        return ()
