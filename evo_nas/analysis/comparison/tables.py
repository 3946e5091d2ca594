"""The tables of a comparison."""

from __future__ import annotations

from evo_nas.core.console import duration
from evo_nas.core.plugins import registry
from evo_nas.results.tables import Table, score_text
from evo_nas.sampling.limits import format_amount

from .report import TITLES, Report, verdict


def result_table(found: Report, protocol: str) -> Table:
    """What each strategy reached under a protocol, and at what cost, as the paper's Table 5."""
    timed = protocol != "equal"  # there shared weights of earlier runs are used
    rows = [
        (
            registry.short(row.strategy),
            format_amount(row.mean("flops")),
            row.spread,
            score_text(row.best.accuracy),
            format_amount(row.mean("cost"), 3),
            *([duration(row.mean("seconds"))] if timed else []),
        )
        for row in found.of(protocol)
    ]
    columns = ("method", ">FLOPs", ">mean ± sd", ">best", ">cost", *([">time"] if timed else []))
    return Table(columns, rows, TITLES[protocol])


def difference_table(found: Report, protocol: str) -> Table:
    """Each strategy against each later one under a protocol, seed by seed."""
    rows = [
        (
            registry.short(each.first),
            registry.short(each.second),
            f"{each.estimate.value:+.4f}",
            f"{each.estimate.low:+.4f} to {each.estimate.high:+.4f}",
            verdict(each, len(found.comparison.seeds)),
        )
        for each in found.differences
        if each.protocol == protocol
    ]
    columns = ("first", "second", ">first minus second", ">95% interval", "verdict")
    return Table(columns, rows, f"Differences: {TITLES[protocol]}")
