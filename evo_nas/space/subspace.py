"""A space with some choices frozen, which is again a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from evo_nas.errors import SpaceError

from .space import Cell, Choice, Costs, Genome, Geometry, Option, Space

if TYPE_CHECKING:
    from torch import nn

    from .supernet import Supernet


class Subspace(Space):
    """The genomes of ``base`` that hold the options in ``fixed``.

    Its choices are those of ``base`` that are neither frozen nor made inactive by what is frozen.
    """

    def __init__(self, base: Space, fixed: Mapping[str, Option]) -> None:
        self.base = base
        self.fixed = dict(fixed)
        self.name = base.name
        self.target = base.target
        self.flop_handles = base.flop_handles
        free, template = _resolve(base, self.fixed)
        self.choices = tuple(free.values())
        self._positions = tuple(base.index[name] for name in free)
        self._template = template
        self._slot_costs = cache(self._find_slot_costs)

    @property
    def root(self) -> Space:
        return self.base.root

    def lift(self, genome: Sequence[int]) -> Genome:
        return self.base.lift(self._to_base(genome))

    def _to_base(self, genome: Sequence[int]) -> Genome:
        full = list(self._template)
        for position, gene in zip(self._positions, genome, strict=True):
            full[position] = gene
        return self.base.canonical(full)

    def canonical(self, genome: Sequence[int]) -> Genome:
        """The canonical genome: what the base keeps of the free choices."""
        full = self._to_base(genome)
        return super().canonical([full[position] for position in self._positions])

    # -- costs -----------------------------------------------------------------------------------

    def costs(self, genome: Sequence[int]) -> Costs:
        return self.base.costs(self._to_base(genome))

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        return self._slot_costs(slot, context)

    def _find_slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        positions = self.base.slots[slot]
        costs = {}
        for value in self.slot_values(slot, context):
            full = self._to_base(self.place(slot, context, value))
            table = self.base.slot_costs(slot, tuple(full[i] for i in self.base.context))
            if table is None:
                return None
            costs[value] = table[tuple(full[i] for i in positions)]
        return costs

    def fixed_costs(self, context: Genome) -> Costs:
        """The base's fixed costs, and the costs of slots in which nothing is free."""
        full = self._to_base(self.fill(self.given(context)))
        base_context = tuple(full[i] for i in self.base.context)
        total = dict(self.base.fixed_costs(base_context))
        for slot in self.base.slots.keys() - self.slots.keys():
            table = self.base.slot_costs(slot, base_context)
            if table is not None:
                for name, cost in table[tuple(full[i] for i in self.base.slots[slot])].items():
                    total[name] += cost
        return total

    @property
    def counted(self) -> str:
        return self.base.counted

    def metrics(self, genome: Sequence[int], repeat: int | None = None) -> Mapping[str, float]:
        return self.base.metrics(self._to_base(genome), repeat)

    # -- networks --------------------------------------------------------------------------------

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        return self.base.build(self._to_base(genome), geometry)

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        return self.root.supernet(geometry, reachable or self)

    def entangled_supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        return self.root.entangled_supernet(geometry, reachable or self)

    @property
    def entangles(self) -> bool:
        return self.root.entangles

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        return self.base.proxy(image_size, channels, classes)

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        return self.base.picture(self._to_base(genome))


def _resolve(base: Space, fixed: Mapping[str, Option]) -> tuple[dict[str, Choice], list[int]]:
    """The free choices with their remaining conditions, and a base genome to fill in."""
    unknown = fixed.keys() - base.index.keys()
    if unknown:
        raise SpaceError(f"{base.name} has no choice {min(unknown)!r} to freeze")
    free: dict[str, Choice] = {}
    left: dict[str, dict[str, frozenset[Option]] | None] = {}  # None: never active
    template = [0] * len(base.choices)
    assert base.conditions is not None  # checks the choices
    for position, choice in enumerate(base.choices):
        left[choice.name] = _conditions_left(choice, fixed, left)
        if choice.name in fixed:
            value = fixed[choice.name]
            if value not in choice.options:
                raise SpaceError(f"choice {choice.name} has no option {value!r} to be frozen at")
            template[position] = choice.options.index(value)
        elif (conditions := left[choice.name]) is not None:
            free[choice.name] = Choice(
                choice.name, choice.options, choice.level, choice.slot, conditions
            )
    return free, template


def _conditions_left(
    choice: Choice,
    fixed: Mapping[str, Option],
    left: Mapping[str, dict[str, frozenset[Option]] | None],
) -> dict[str, frozenset[Option]] | None:
    conditions: dict[str, frozenset[Option]] = {}
    for parent, allowed in choice.when.items():
        inherited = left[parent]
        if inherited is None or (parent in fixed and fixed[parent] not in allowed):
            return None
        # A frozen parent may itself be active only sometimes: its conditions become the child's.
        own = inherited if parent in fixed else {parent: allowed}
        for name, options in own.items():
            conditions[name] = conditions.get(name, options) & options
    return conditions
