"""How far to trust a run: what its scores say of themselves, and its trust reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError
from evo_nas.results.reliability import split_half_error
from evo_nas.results.result import Result
from evo_nas.results.trust_report import Trust, read_trust, trust_picture

from .render import drawing
from .trust_words import noise, verdicts


@dataclass(frozen=True, slots=True)
class Reliability:
    """A stage's search scores: None where they say nothing of it."""

    stage: str
    reliability: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class TrustPart:
    """A trust report: its title, picture, and what it says; ``rows`` are name, tau and rho."""

    title: str
    picture: Markup
    rows: Sequence[tuple[str, str, str]]
    sentences: Sequence[str]


def reliabilities(result: Result) -> list[Reliability]:
    """Of the stages that have scored something."""
    searches = {stage: result.of(stage, "search") for stage in result.stages}
    return [
        Reliability(stage, result.reliability(stage), split_half_error(search))
        for stage, search in searches.items()
        if search
    ]


def trust_parts(result: Result) -> tuple[list[TrustPart], list[str]]:
    """The run's trust reports, and why others of them could not be read."""
    parts, problems = [], []
    for path in sorted(Path(result.folder).glob("trust-*.json")):
        try:
            parts.append(_part(read_trust(path, result.evaluations)))
        except EvoNasError as error:
            problems.append(str(error))
    return parts, problems


def _part(trust: Trust) -> TrustPart:
    rows = [(each.name, str(each.tau), str(each.rho)) for each in trust.agreements]
    evaluator, against = registry.short(trust.evaluator), registry.short(trust.against)
    return TrustPart(
        title=f"{trust.stage}: {len(trust.networks)} of {trust.candidates:,} candidates, "
        f"scored by {evaluator}, against {against}",
        picture=drawing(trust_picture(trust)),
        rows=rows + [(name, "the same for all", "") for name in trust.constant],
        sentences=[*verdicts(trust), *noise(trust)],
    )
