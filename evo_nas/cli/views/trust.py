"""A trust report for people: a table, a chart in characters, and what it says in plain words."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.core.plugins import registry
from evo_nas.results.charts.text import text_scatter
from evo_nas.results.trust_report import Trust
from evo_nas.results.trust_summary import agreement_table, noise, verdicts

from .tables import table_view


def trust_view(trust: Trust) -> RenderableType:
    """The whole report, for 80 columns."""
    scores = "one score" if len(trust.truths) == 1 else f"mean of {len(trust.truths)} scores"
    evaluator, against = registry.short(trust.evaluator), registry.short(trust.against)
    failed = [f"{trust.failed} more failed and are left out: {against} could not score them"]
    chart = text_scatter(
        [e.metrics[trust.objective] for e in trust.networks],
        trust.means,
        x_label=f"{trust.objective} in the search",
        y_label=f"{trust.truth} by {against}",
    )
    return Group(
        Text(f"Trust in {trust.stage} of {trust.folder}", style="bold"),
        Text(
            f"{len(trust.networks)} of {trust.candidates:,} candidates, spread evenly over their "
            f"ranking by {evaluator}, against {against} ({scores} each); 95% intervals"
        ),
        *map(Text, failed if trust.failed else ()),
        table_view(agreement_table(trust)),
        *map(Text, verdicts(trust)),
        Text(),
        Text(chart, no_wrap=True),
        Text(),
        *map(Text, noise(trust)),
        Text(f"picture: {trust.picture}; all numbers: {trust.file}"),
    )
