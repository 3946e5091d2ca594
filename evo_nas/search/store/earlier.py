"""What a run evaluated and is no part of its search any more, since it was made longer.

It stays with what it took, in a phase of its own; finalists that are chosen again are not trained
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evo_nas.evaluation.rungs import EPOCHS, Rung
from evo_nas.strategies.base import Proposal

from .rows import Evaluation
from .store import Store

EARLIER = "earlier "  # before the name of a phase


def set_aside(store: Store, stage: str, phase: str, generation: int | None = None) -> None:
    """Give evaluations a place among earlier ones, amid a change of the store."""
    used = store.evaluations(stage, EARLIER + phase)
    first = used[-1].generation + 1 if used else 0
    for one in store.evaluations(stage, phase, generation):
        store.move(one, replace(one, phase=EARLIER + phase, generation=first + one.generation))


def bring_back(
    store: Store,
    stage: str,
    phase: str,
    generation: int,
    proposals: Mapping[int, Proposal],
    rung: Rung | None,
) -> list[Evaluation]:
    """The earlier evaluations of what is proposed, at its position, of full genomes.

    At a ``rung`` those that came to its end. They take the places of the proposals.
    """
    earlier = {
        one.genome: one
        for one in store.evaluations(stage, EARLIER + phase)
        if rung is None or one.metrics.get(EPOCHS) == rung.end
    }
    found = []
    for position, proposal in proposals.items():
        if was := earlier.pop(proposal.genome, None):
            now = replace(
                was,
                phase=phase,
                generation=generation,
                position=position,
                origin=proposal.origin,
                parents=proposal.parents,
            )
            with store.changing({}):
                store.move(was, now)
            found.append(now)
    return found
