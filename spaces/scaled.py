"""A space whose networks are wider, or narrower, than its author's.

Why: docs/decisions/045-equal-flops.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from evo_nas.core.plugins import Spec, at_least, registry
from evo_nas.space.space import Space


def scaled(*, space: Annotated[str, Spec("space")], width: Annotated[int, at_least(1)]) -> Space:
    """Another space with its target at another width: the same choices, and other costs.

    A space whose costs do not follow its target is refused when a run is prepared, as whole
    networks are counted then.

    Args:
        space: the space, by its spec.
        width: the channels of the target.
    """
    made: Space = registry.load("space", space)
    made.target = replace(made.target, width=width)
    return made
