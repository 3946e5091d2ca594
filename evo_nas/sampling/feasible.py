"""Which genomes of a space meet a budget: decided exactly wherever it can be.

Costs that add up over slots are met by dynamic programming, others by listing all genomes of a
small space, and only those of a large one by bounded rejection.
"""

from __future__ import annotations

from evo_nas.space.space import Space

from .base import Feasible, merges
from .exact import ExactFeasible
from .limits import Limit
from .listed import ListedFeasible, Listing
from .slots import Completions

__all__ = ["ExactFeasible", "Feasible", "ListedFeasible", "feasible"]


def feasible(space: Space, limit: Limit, level: int | None = None) -> Feasible:
    """Decide feasibility; the levels after ``level``, if given, are open.

    Where costs do not add up nobody knows what later levels can make of a genome: its own cost,
    with the details that they hold now, decides.
    """
    if level is not None and adds_up(space.root):
        return ExactFeasible(space, limit, Completions(space.root, level, limit.metric))
    additive = adds_up(space)
    if (not additive or merges(space)) and (listing := Listing.of(space, limit.metric)):
        return ListedFeasible(space, limit, listing)
    return ExactFeasible(space, limit, None) if additive else Feasible(space, limit)


def adds_up(space: Space) -> bool:
    """Whether the costs of a space are sums over its slots."""
    # Without slots there is nothing to add up, and the contexts may be too many to go through.
    return bool(space.slots) and all(
        space.slot_costs(slot, context) is not None
        for slot in space.slots
        for context in space.contexts
    )
