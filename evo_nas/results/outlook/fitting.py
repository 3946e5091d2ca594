"""What is within limits, in words: genomes, how limits are met, published networks."""

from __future__ import annotations

from collections.abc import Sequence

from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.limits import format_amount
from evo_nas.search.limits import LimitFact, describe_fact
from evo_nas.search.plan import Published


def limit_rows(
    facts: Sequence[LimitFact], device: str = "", label: str = "limits"
) -> list[tuple[str, str]]:
    """Each limit, and how it is met."""
    told = [describe_fact(fact, device) for fact in facts]
    return [("" if number else label, text) for number, text in enumerate(told)]


def amount(count: float | None) -> str:
    """A number of genomes, which may not be known."""
    if count is None or count != count:  # noqa: PLR0124  a count that is not known is not a number
        return "unknown"
    return f"{count:,.0f}" if count < 1e6 else f"{count:.3g}"


def fitting(legal: Feasible) -> list[str]:
    """How many genomes are within limits, and their share: estimates, it may be, or unknown."""
    share = "unknown" if legal.share is None else f"{100 * legal.share:.3g}%"
    return [
        f"about {told}" if legal.quota and told != "unknown" else told
        for told in (amount(legal.count), share)
    ]


def up_to(low: float, high: float) -> str:
    """A range of numbers of genomes."""
    return amount(low) if low == high else f"{amount(low)} to {amount(high)}"


def published_costs(networks: Sequence[Published], *, judged: bool) -> str:
    """What published networks of a space cost, and, ``judged``, whether they fit."""
    told = []
    for network in networks:
        verdict = (" (fits)" if network.fits else " (does not fit)") if judged else ""
        told.append(f"{network.name} {format_amount(network.flops)}{verdict}")
    return ", ".join(told)
