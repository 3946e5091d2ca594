"""A trust report for people: a table, a chart in characters, and what it says in plain words."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from . import registry
from .agreement import Agreement
from .layout import plain_table
from .text_chart import text_scatter
from .trust_report import Trust


def trust_view(trust: Trust) -> RenderableType:
    """The whole report, for 80 columns."""
    scores = "one score" if len(trust.truths) == 1 else f"mean of {len(trust.truths)} scores"
    evaluator, against = registry.short(trust.evaluator), registry.short(trust.against)
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
        _agreement_table(trust),
        *map(Text, verdicts(trust)),
        Text(),
        Text(chart, no_wrap=True),
        Text(),
        *map(Text, noise(trust)),
        Text(f"picture: {trust.picture}; all numbers: {trust.file}"),
    )


def _agreement_table(trust: Trust) -> Table:
    table = plain_table("ranked by", ">Kendall's tau", ">Spearman's rho")
    for each in trust.agreements:
        table.add_row(each.name, str(each.tau), str(each.rho))
    for name in trust.constant:
        table.add_row(name, "the same for all", "")
    return table


def verdicts(trust: Trust) -> list[str]:
    """What the table says, and what it cannot say."""
    scores = [each for each in trust.agreements if each.ahead is None]
    told = [_against_chance(each, len(trust.networks)) for each in scores]
    compared: dict[str, list[str]] = {}
    for each in trust.agreements:
        if each.ahead is not None:
            compared.setdefault(_verdict(each), []).append(f"{each.name} ({each.ahead})")
    for verdict, names in compared.items():
        told.append(f"{verdict} {scores[0].name} (its tau minus theirs): {', '.join(names)}.")
    if compared:
        told.append("What costs nothing is counted in its better direction, which flatters it.")
    return told


def _against_chance(each: Agreement, networks: int) -> str:
    if not each.tau.excludes_zero:
        verdict = f"not distinguishable from chance with {networks} networks"
    elif each.tau.value > 0:
        verdict = "better than chance"
    else:
        verdict = "worse than chance: it puts the worse network first"
    return f"{each.name}: tau {each.tau}: {verdict}."


def _verdict(each: Agreement) -> str:
    assert each.ahead is not None
    if each.ahead.excludes_zero and each.ahead.value > 0:
        return "Ranks worse than"
    # In its better direction even noise looks good, so it has to be better than chance, too.
    if each.ahead.excludes_zero and each.tau.excludes_zero:
        return "Ranks better than"
    return "Not distinguishable from"


def noise(trust: Trust) -> list[str]:
    """How far both sides are certain of themselves."""
    told = []
    if trust.error is not None:
        told.append(
            f"Other validation images would move a search score by ±{trust.error:.4f} (standard "
            f"error, from split halves){_reliability(trust)}; another training of its evaluator is "
            f"not in this (--against {registry.short(trust.evaluator)} tells)."
        )
    against = registry.short(trust.against)
    if trust.noise is None:
        told.append(f"The repeat noise of {against} was not measured; --repeats 2 does.")
    elif trust.noise.deviation == 0:
        told.append(f"Repeats of {against} are equal: it has no repeat noise.")
    else:
        told.append(
            f"Repeats of {against} differ by ±{trust.noise.deviation:.4f} (standard deviation) and "
            f"agree at tau {trust.noise.tau:+.2f}; so even a perfect score could reach a tau of "
            f"about {trust.noise.ceiling:.2f} only."
        )
    return told


def _reliability(trust: Trust) -> str:
    return "" if trust.reliability is None else f", reliability {trust.reliability:.2f}"
