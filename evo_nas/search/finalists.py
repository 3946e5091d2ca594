"""What is told of the best finalist beside the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evo_nas.strategies.base import Scored


def compare_finalists(finalists: Sequence[Scored], prefix: str) -> dict[str, object]:
    """The best finalist's metrics, with a prefix, and whether it is separated from the second.

    Separated means further apart than two standard errors of the difference, the two networks'
    errors taken as independent; they see the same images, so this errs on the careful side.
    """
    first = finalists[0].metrics
    told: dict[str, object] = {f"{prefix}{name}": value for name, value in first.items()}
    if len(finalists) > 1 and "standard_error" in first and "accuracy" in first:
        second = finalists[1].metrics
        error = math.hypot(first["standard_error"], second["standard_error"])
        told["second_accuracy"] = second["accuracy"]
        told["separated_from_second"] = first["accuracy"] - second["accuracy"] > 2 * error
    return told
