"""How far to trust a run: what its scores say of themselves, and its trust reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from evo_nas.errors import EvoNasError
from evo_nas.results.agreement import split_half_error
from evo_nas.results.result import Result
from evo_nas.results.tables import Table
from evo_nas.results.trust_report import Trust, read_trust, trust_picture
from evo_nas.results.trust_summary import agreement_table, noise, verdicts

from .render import drawing


@dataclass(frozen=True, slots=True)
class Reliability:
    """A stage's search scores: None where they say nothing of it."""

    stage: str
    reliability: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class TrustPart:
    """A trust report: its picture, its table, and what they say."""

    picture: Markup
    table: Table
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
    sentences = [*verdicts(trust), *noise(trust)]
    return TrustPart(drawing(trust_picture(trust)), agreement_table(trust), sentences)
