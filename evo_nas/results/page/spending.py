"""Where the time and the images of a run went."""

from __future__ import annotations

from evo_nas.core.console import duration
from evo_nas.results.result import Result
from evo_nas.results.tables import Table
from evo_nas.training.batches import Ledger


def spending(result: Result) -> Table:
    """All phases in the order in which they began, over all restarts, and their sums."""
    seconds, images = sum(result.spent.values()), sum(result.images.values(), Ledger())
    columns = ["phase", ">time", "%share of the time"]
    if images.passes:
        columns += [">images, forward and backward", ">forward only"]
    rows = [
        _row(
            f"{stage} {phase}",
            result.spent.get((stage, phase), 0.0),
            seconds,
            result.images.get((stage, phase), Ledger()),
        )[: len(columns)]
        for stage, phase in dict.fromkeys([*result.spent, *result.images])
    ]
    total = ("in all", duration(seconds), "", f"{images.trained:,}", f"{images.measured:,}")
    return Table(tuple(columns), rows, "Time and images", [total[: len(columns)]])


def _row(name: str, seconds: float, of: float, images: Ledger) -> tuple[str, ...]:
    share = f"{100 * seconds / of:.0f}%" if of else "0%"
    return name, duration(seconds), share, f"{images.trained:,}", f"{images.measured:,}"
