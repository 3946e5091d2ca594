"""What a judgement says: its tables, and sentences on how far the pool itself is to be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from evo_nas.sampling.limits import format_amount

from .judgement import Judged, Judgement
from .statistics import Estimate
from .tables import Table

_CLEAR = 0.5  # a tau of repeats below which a pool ranks networks poorly


def judgement_table(found: Judgement) -> Table:
    """How far each ranking agrees with training, over all networks and within bands of FLOPs."""
    several = len(found.bands) > 1
    rows = _rows(found, lambda each: (str(each.kendall), *_within(each, several)))
    return Table(
        title=f"{len(found.networks)} networks",
        columns=("ranked by", ">Kendall's tau", *[">within bands of FLOPs"] * several),
        rows=[*rows, *((name, "the same for all", *[""] * several) for name in found.constant)],
    )


def bands_table(found: Judgement) -> Table | None:
    """Kendall's tau in each band; None where there is one only."""
    if len(found.bands) < 2:
        return None
    names = (
        f">{format_amount(b.least)} to {format_amount(b.most)} ({b.networks})" for b in found.bands
    )
    rows = _rows(found, lambda each: tuple(map(_tau, each.bands)))
    return Table(title="Kendall's tau by FLOPs", columns=("ranked by", *names), rows=rows)


def pool_verdicts(found: Judgement) -> list[str]:
    """Whether the pool can tell networks apart, and what its scores can say."""
    told = [*_reliability(found), *_verdicts(found)]
    if any(each.name.startswith(("more ", "fewer ")) for each in found.baselines):
        told.append("What costs nothing is counted in its better direction, which flatters it.")
    return told


def _reliability(found: Judgement) -> list[str]:
    if found.repeats is None or found.noise is None or found.between is None:
        return [
            "Each network was trained once: nobody knows how far this truth can be trusted; "
            "--seeds 2 tells."
        ]
    agreed, noise = found.repeats.kendall, found.noise
    told = [
        f"Networks differ by ±{found.between:.4f} of {found.metric} (standard deviation), "
        f"trainings of one network by ±{noise.deviation:.4f}; repeats agree at tau {agreed}, so "
        f"that even a perfect score could reach a tau of about {noise.ceiling:.2f} only."
    ]
    if not agreed.excludes_zero or agreed.value < 0:
        told.insert(0, f"WARNING: this pool cannot tell networks apart. {_REMEDY}")
    elif agreed.value < _CLEAR:
        told.insert(0, f"WARNING: this pool hardly tells networks apart. {_REMEDY}")
    return told


def _verdicts(found: Judgement) -> list[str]:
    """Which scores rank better than chance."""
    sides: dict[str, list[str]] = {"better than chance": [], "worse than chance": [], "": []}
    times = Counter(each.name for each in found.scores)
    for each in found.scores:
        side = "better than chance" if each.kendall.value > 0 else "worse than chance"
        name = each.name if times[each.name] == 1 else f"{each.evaluator} {each.name}"
        sides[side if each.kendall.excludes_zero else ""].append(name)
    unclear = f"not distinguishable from chance with {len(found.networks)} networks"
    return [
        f"{(side or unclear).capitalize()}: {', '.join(names)}."
        for side, names in sides.items()
        if names
    ]


_REMEDY = (
    "More seeds, longer training (--epochs), a wider budget, another stage or harder images may; "
    "until then its taus say little of any score."
)


def _rows(found: Judgement, cells: Callable[[Judged], tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A row for each ranking; metrics of an evaluator stand indented below it."""
    rows: list[tuple[str, ...]] = []
    above = ""
    for each in (*([found.repeats] if found.repeats else []), *found.scores, *found.baselines):
        filled = cells(each)
        if each.evaluator not in ("", above):
            rows.append((each.evaluator, *[""] * len(filled)))
        above = each.evaluator
        left = f" ({each.networks} networks)" * (each.networks < len(found.networks))
        rows.append((f"{'  ' * bool(above)}{each.name}{left}", *filled))
    return rows


def _within(each: Judged, several: bool) -> list[str]:
    return ["-" if each.within is None else str(each.within)] if several else []


def _tau(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:+.2f}"
