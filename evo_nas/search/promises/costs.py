"""What networks of a run truly cost: those that matter are counted whole, and held to the limits.

A search goes by sums over slots. The best of each generation, finalists and what is delivered are
counted whole, and that count is what is written; one that breaks a limit by it has failed.

Why: docs/decisions/034-whole-counts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from evo_nas.sampling.limits import Limit
from evo_nas.search.store.store import Evaluation
from evo_nas.space.costs.verification import true_costs
from evo_nas.space.space import Costs, Genome, Space
from evo_nas.strategies.base import Scored


@dataclass(frozen=True)
class TrueCosts:
    """The costs of full genomes of ``space``, each counted once, and what ``limits`` say of them.

    Where a network cannot be counted, as those of a table, costs are what the space says.
    """

    space: Space
    limits: tuple[Limit, ...]
    _known: dict[Genome, Costs] = field(default_factory=dict)

    def of(self, full: Genome) -> Costs:
        """What a network costs."""
        if full not in self._known:
            self._known[full] = true_costs(self.space, full)
        return self._known[full]

    def broken(self, full: Genome) -> str | None:
        """The limit that a network breaks, with both numbers; None if it meets all."""
        costs, told = self.of(full), self.space.costs(full)
        for limit in self.limits:
            name = limit.metric
            if costs[name] not in limit:
                return (
                    f"its whole network has {costs[name]:,} {name}, which breaks {limit}; its "
                    f"space says {told[name]:,}"
                )
        return None

    def note(self, full: Genome) -> str | None:
        """What is to be said where a network costs something else than its space says."""
        costs, told = self.of(full), self.space.costs(full)
        different = [
            f"{costs[name]:,} {name} and not {told[name]:,}"
            for name in told
            if costs[name] != told[name]
        ]
        if not different:
            return None
        return f"the network of {full} has {', '.join(different)}, as its space says"

    def corrected(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation with what its network costs; failed, if that breaks a limit."""
        costs, reason = self.of(evaluation.genome), self.broken(evaluation.genome)
        counted = replace(evaluation, flops=costs["flops"], params=costs["params"])
        return replace(counted, metrics={}, failure=reason) if reason else counted

    def with_next(
        self, chosen: Sequence[Scored], others: Sequence[Scored], space: Space
    ) -> list[Scored]:
        """The chosen ones, and for each that breaks a limit the next of ``others`` that meets all.

        Genomes are those of ``space``, a stage's.
        """
        known = {candidate.genome for candidate in chosen}
        taken, meeting = list[Scored](), 0
        for candidate in [*chosen, *(other for other in others if other.genome not in known)]:
            if meeting == len(chosen):
                break
            taken.append(candidate)
            meeting += self.broken(space.lift(candidate.genome)) is None
        return taken
