"""What a trust report says: its table, and sentences on what that can and cannot say."""

from __future__ import annotations

from evo_nas.core.plugins import registry

from .agreement import Agreement
from .tables import Table
from .trust_report import Trust


def agreement_table(trust: Trust) -> Table:
    """How far each ranking agrees with the other evaluator."""
    rows = [(each.name, str(each.tau), str(each.rho)) for each in trust.agreements]
    return Table(
        title=f"{trust.stage}: {len(trust.networks)} of {trust.candidates:,} candidates, "
        f"scored by {registry.short(trust.evaluator)}, against {registry.short(trust.against)}",
        columns=("ranked by", ">Kendall's tau", ">Spearman's rho"),
        rows=[*rows, *((name, "the same for all", "") for name in trust.constant)],
    )


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
        reliability = trust.reliability
        reliable = "" if reliability is None else f", reliability {reliability:.2f}"
        told.append(
            f"Other validation images would move a search score by ±{trust.error:.4f} (standard "
            f"error, from split halves){reliable}; another training of its evaluator is not in "
            f"this (--against {registry.short(trust.evaluator)} tells)."
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
