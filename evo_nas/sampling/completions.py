"""What later levels of a hierarchical search can still make of a genome."""

from __future__ import annotations

from functools import cache

from evo_nas.errors import BudgetError
from evo_nas.space.space import Genome, Space


class Completions:
    """What the levels after ``level`` of ``root`` can make of each slot, by the cost named."""

    def __init__(self, root: Space, level: int, cost: str = "flops") -> None:
        self.root = root
        self.level = level
        self.cost = cost
        self._costs = cache(self._find_costs)

    def costs(self, slot: str, full: Genome) -> frozenset[int]:
        """The costs that a slot of the root can end with, when ``full`` was decided so far."""
        genes = tuple(
            gene if self.root.choices[i].slot in (None, slot) else 0 for i, gene in enumerate(full)
        )
        return self._costs(slot, genes, self.level)

    def _find_costs(self, slot: str, full: Genome, level: int) -> frozenset[int]:
        later = [other for other in self.root.levels if other > level]
        if not later:
            context = tuple(full[i] for i in self.root.context)
            table = self.root.slot_costs(slot, context)
            assert table is not None
            value = tuple(self.root.canonical(full)[i] for i in self.root.slots[slot])
            return frozenset({table[value][self.cost]})
        stage = self.root.stage(later[0], full)
        if stage.context:
            raise BudgetError(f"space {self.root.name}: context choices must be of the first level")
        values = stage.slot_values(slot, ()) if slot in stage.slots else ()
        lifted = [stage.lift(stage.place(slot, (), value)) for value in values]
        return frozenset().union(
            *(
                self._costs(slot, g, later[0])
                for g in lifted or [stage.lift((0,) * len(stage.choices))]
            )
        )
