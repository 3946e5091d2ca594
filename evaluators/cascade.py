"""Scores candidates in levels: cheap evaluators filter by a reference sample, the last confirms."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated

from evo_nas.core.plugins.options import Spec, at_least
from evo_nas.errors import SettingsError

from .levels import Level, Levels


def level_shares(option: float | str, count: int) -> list[float]:
    """The numbers of the option ``shares``, as many as there are levels before the last."""
    try:
        shares = [float(share) for share in str(option).split(",")]
    except ValueError:
        shares = []
    if len(shares) == 1:
        shares *= count
    if len(shares) != count or not all(0 < share < 1 for share in shares):
        raise SettingsError(
            f"shares={option} must be numbers between 0 and 1, one for each of the {count} levels "
            "before the last, with commas between, or one for all"
        )
    return shares


class CascadeEvaluator(Levels):
    """Asks each level only about what those before it like, as
    ``cascade?levels=zero_cost?scores=params;zero_cost;supernet&shares=0.5,0.2``.

    In the specs of levels ``&``, ``%`` and ``+`` are written as in a web address, ``%26``, ``%25``
    and ``%2B``, and ``;`` as ``%253B``: ``levels=zero_cost?scores=naswot%26images=8;supernet``.

    What passes must not depend on who else is in a generation. So each level but the last has a
    threshold: when the cascade is opened, the first level scores a reference sample, drawn from the
    prior of what the budget admits, the second scores what passes of it, and so on. Candidates pass
    a level that are at least as good as the best ``share`` of what came to it. As a search finds
    better candidates than chance does, more of them pass.

    The objective ``cascade`` is, for candidates that passed all, what the last level says, which
    must be no less than 0, or 1 / (1 + it) where less is better. The others are below 0:
    those that the level before the last stopped between -1 and 0, by their place in its reference
    sample (:class:`evo_nas.evaluation.reference.Standing`); those that the level before that
    stopped between -2 and -1, and so on. So who passed more levels ranks higher, and a search that
    has found nothing yet is led by the level that it has reached.

    Only what passed all may be retrained and delivered. Where nothing did, the run ends with an
    error that says how many were stopped, and how many failed.

    A candidate that a level fails for has failed; of the reference sample such ones are left out.
    All metrics are recorded, those of levels before the last under ``level1_...``, ``level2_...``,
    and ``passed``, the number of levels passed. How many each level scored is said at the end.

    Args:
        levels: specs of two evaluators or more, the cheapest first, with semicolons between.
        shares: for each level but the last the part that passes, from 0 to 1, with commas between;
            a single one is for all.
        reference: the size of the reference sample.
    """

    def __init__(
        self,
        *,
        levels: Annotated[str, Spec("evaluator", several=True)],
        shares: float | str = 0.25,
        reference: Annotated[int, at_least(2)] = 64,
    ) -> None:
        specs = levels.split(";")
        if len(specs) < 2:
            raise SettingsError(f"levels={levels} must be two evaluators or more, as A;B;C")
        parts = level_shares(shares, len(specs) - 1)
        if reference * prod(parts[:-1]) < 2:
            raise SettingsError(
                f"reference={reference} with shares={shares} leaves fewer than 2 to level "
                f"{len(specs) - 1}; make it larger, or the shares"
            )
        names = [f"level{number}" for number in range(1, len(specs) + 1)]
        super().__init__(dict(zip(names, specs, strict=True)), names[-1], "cascade", reference)
        self._levels = [
            Level(name, name, part) for name, part in zip(names, [*parts, 1.0], strict=True)
        ]

    @property
    def lowest(self) -> int:
        """What passed all levels is at 0 or more."""
        return 1 - len(self._levels)

    def accepts(self, metrics: Mapping[str, float]) -> bool:
        """What passed all levels: the others have places among what was stopped, no score."""
        return metrics.get("passed") == len(self._levels) - 1
