"""The lineage of a stage's winner: from whom it was bred, and what changed on the way."""

from __future__ import annotations

from collections.abc import Mapping

from evo_nas.results.candidates import Candidate, Stage
from evo_nas.results.tables import Table, score_text
from evo_nas.space.space import Genome, Space

_MOST = 16
_MOST_CHANGES = 4


def lineage(stage: Stage, space: Space) -> tuple[Table, int] | None:
    """Where the stage's winner comes from; None where its search did not score it.

    The winner, then its ancestors, the latest first, and how many are left out, the furthest.
    """
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
    score = f">{stage.objective.name}"
    table = Table(
        (">candidate", ">generation", "origin", score, ">FLOPs", "bred from", "~what changed"),
        [_row(candidate, known, space) for candidate in kept],
        f"Lineage in {stage.name}",
    )
    return table, len(found) - len(kept)


def _row(candidate: Candidate, known: Mapping[Genome, Candidate], space: Space) -> tuple[str, ...]:
    found = candidate.evaluation
    parents = [f"{known[p].number}" for p in dict.fromkeys(found.parents) if p in known]
    return (
        f"{candidate.number:,}",
        f"{found.generation + 1:,}",
        found.origin,
        score_text(candidate.score),
        f"{found.flops:,}",
        ", ".join(parents) or "-",
        _change(candidate, known, space),
    )


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
