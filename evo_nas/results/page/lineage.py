"""The lineage of a stage's winner: from whom it was bred, and what changed on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evo_nas.results.candidates import Candidate, Stage
from evo_nas.space.space import Genome, Space

_MOST = 16
_MOST_CHANGES = 4


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A candidate in a lineage; ``parents`` are the numbers of those it was bred from."""

    candidate: Candidate
    parents: tuple[int, ...]
    change: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The winner, then its ancestors, the latest first; ``more`` are left out, the furthest."""

    ancestors: tuple[Ancestor, ...]
    more: int


def lineage(stage: Stage, space: Space) -> Lineage | None:
    """Where the stage's winner comes from; None where its search did not score it."""
    known = {c.evaluation.genome: c for c in reversed(stage.candidates)}
    if stage.winner not in known:
        return None
    found: dict[Genome, Candidate] = {stage.winner: known[stage.winner]}
    for genome in (queue := [stage.winner]):  # grows while it is walked: nearest first
        for parent in known[genome].evaluation.parents:
            if parent in known and parent not in found:
                found[parent] = known[parent]
                queue.append(parent)
    kept = sorted(list(found.values())[:_MOST], key=lambda candidate: -candidate.number)
    ancestors = (Ancestor(c, _parents(c, known), _change(c, known, space)) for c in kept)
    return Lineage(tuple(ancestors), len(found) - len(kept))


def _parents(candidate: Candidate, known: Mapping[Genome, Candidate]) -> tuple[int, ...]:
    parents = dict.fromkeys(candidate.evaluation.parents)
    return tuple(known[genome].number for genome in parents if genome in known)


def _change(candidate: Candidate, known: Mapping[Genome, Candidate], space: Space) -> str:
    """What is new against the parents: of one, the changes; of several, how many."""
    own = candidate.evaluation.genome
    parents = [parent for parent in dict.fromkeys(candidate.evaluation.parents) if parent in known]
    if not parents:
        return ""
    if len(parents) > 1:
        told = (f"{len(_differences(space, own, p))} from {known[p].number}" for p in parents)
        return f"choices that differ: {', '.join(told)}"
    changes = _differences(space, own, parents[0])
    more = len(changes) - _MOST_CHANGES
    return "; ".join(changes[:_MOST_CHANGES]) + (f"; and {more} more" if more > 0 else "")


def _differences(space: Space, own: Genome, other: Genome) -> list[str]:
    """The choices that are made otherwise; those that are no longer made go without saying."""
    now, before = space.options(own), space.options(other)
    return [
        f"{name} {before[name]} → {value}" if name in before else f"{name} {value}"
        for name, value in now.items()
        if before.get(name) != value
    ]
