"""What a trust report holds, as values, as a document and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.errors import EvoNasError, RunError
from evo_nas.results.charts.chart import Points, chart
from evo_nas.results.charts.notebook import Figure, card
from evo_nas.search.store.store import Evaluation

from .agreement import Agreement, RepeatNoise
from .candidates import objective_of
from .frames import records_frame

Count = Annotated[int, Field(ge=0, lt=2**63)]

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a report's file keeps as it is, by names of its own; see :class:`Trust`."""

    stage: str
    evaluator: str
    against: str
    epochs: Count
    candidates: Count
    failed: Count = 0
    agreements: Annotated[tuple[Agreement, ...], Field(min_length=1)]
    constant: Annotated[tuple[str, ...], Field(alias="the_same_for_all")]
    error: Annotated[float | None, Field(alias="score_standard_error")]
    reliability: Annotated[float | None, Field(alias="score_reliability")]
    noise: Annotated[RepeatNoise | None, Field(alias="repeat_noise")]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Trust(Findings):
    """What was found about one stage's scores.

    ``networks`` are candidates of the search, ``truths`` what the other evaluator says of each of
    them, repeat by repeat: shape (repeats, networks); ``failed`` more it could not score.
    ``agreements`` begin with the scores that the search used, in its order. ``error`` and
    ``reliability`` are the scores' own (see :mod:`evo_nas.results.agreement`), None where they
    say nothing of it; ``noise`` is None without repeats.
    """

    folder: Path
    objective: str
    truth: str
    networks: tuple[Evaluation, ...]
    truths: tuple[tuple[Evaluation, ...], ...]
    file: Path

    @property
    def picture(self) -> Path:
        """The scatter plot."""
        return self.file.with_suffix(".svg")

    @property
    def means(self) -> list[float]:
        """What the other evaluator says of each network, the mean of its repeats."""
        return means(self.truths, self.truth)

    def frame(self) -> pd.DataFrame:
        """One row for each network; needs the extra ``notebook``.

        ``search`` is the score under test, ``truth`` the mean of what the other evaluator says,
        ``truth_1``, ``truth_2``, ... each of its repeats.
        """
        return records_frame(
            {
                "stage": e.stage, "generation": e.generation, "position": e.position,
                "origin": e.origin, "flops": e.flops, "params": e.params,
                "search": e.metrics[self.objective], "truth": mean,
                **{
                    f"truth_{number}": repeat[i].metrics[self.truth]
                    for number, repeat in enumerate(self.truths, start=1)
                },
            }
            for i, (e, mean) in enumerate(zip(self.networks, self.means, strict=True))
        )  # fmt: skip

    def plot(self) -> Figure:
        """What the other evaluator says over the search's score."""
        return Figure(f"{self.stage}: trust", trust_picture(self))

    def __repr__(self) -> str:
        first = self.agreements[0]
        return (
            f"<trust in {self.stage} of {self.folder}: {first.name}, tau {first.tau}, "
            f"{len(self.networks)} networks>"
        )

    def _repr_html_(self) -> str:
        taus = [(each.name, f"Kendall's tau {each.tau}") for each in self.agreements]
        title = f"Trust in {self.stage}: {len(self.networks)} networks by {self.against}"
        return card(title, taus, [self.plot()])


def means(truths: Sequence[Sequence[Evaluation]], metric: str) -> list[float]:
    """The mean over repeats of a metric, for each network."""
    return [sum(e.metrics[metric] for e in each) / len(each) for each in zip(*truths, strict=True)]


def trust_document(trust: Trust) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "format": 1,
        "run_folder": str(trust.folder),
        **TypeAdapter(Findings).dump_python(trust, mode="json", by_alias=True),
        "networks": [
            {
                "genome": list(e.genome),
                "origin": e.origin,
                "flops": e.flops,
                "params": e.params,
                "search": dict(e.metrics),
                "against": [dict(repeat[i].metrics) for repeat in trust.truths],
            }
            for i, e in enumerate(trust.networks)
        ],
    }


@dataclass(frozen=True, slots=True)
class _Network:
    genome: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...]
    against: Annotated[tuple[dict[str, float], ...], Field(min_length=1)]
    origin: Any = None  # what follows is read from the run itself
    flops: Any = None
    params: Any = None
    search: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document(Findings):
    """What :func:`trust_document` makes, as it is read."""

    networks: Annotated[tuple[_Network, ...], Field(min_length=1)]
    format: Any = 1
    run_folder: Any = None


def read_trust(path: Path, searched: Sequence[Evaluation]) -> Trust:
    """The report that was written to ``path``, of candidates that the run's search scored.

    Raises:
        RunError: the file cannot be read, or is no report on these candidates.
        SpecError: it names code that is not known here.
    """
    content = read_json(path, RunError)
    if not isinstance(content, dict):
        raise RunError(f"{path} is no trust report: it holds no JSON object")
    report = typed(_Document, content, path, RunError)
    check_known([report.evaluator, report.against], path)
    rows = report.networks
    known = {e.genome: e for e in reversed(searched) if e.stage == report.stage}
    try:
        objective, truth = (objective_of(s).name for s in (report.evaluator, report.against))
    except EvoNasError as error:
        raise RunError(f"{path}: {error}") from error
    if not known.keys() >= {row.genome for row in rows}:
        raise RunError(f"{path} is no trust report of this run: a genome was not scored in it")
    repeats = len(rows[0].against)
    for row in rows:
        if len(row.against) != repeats or any(truth not in metrics for metrics in row.against):
            raise RunError(f"{path}: networks have other repeats in 'against', or no {truth!r}")
    networks = tuple(known[row.genome] for row in rows)
    truths = tuple(
        tuple(replace(e, metrics=r.against[i]) for e, r in zip(networks, rows, strict=True))
        for i in range(repeats)
    )
    return Trust(
        **{each.name: getattr(report, each.name) for each in fields(Findings)},
        folder=path.parent,
        objective=objective,
        truth=truth,
        networks=networks,
        truths=truths,
        file=path,
    )


def trust_picture(trust: Trust) -> str:
    """What the other evaluator says over the search's score, as SVG, with standard errors."""
    groups = []
    for name, at_random in (("drawn at random", True), ("chosen by the search", False)):
        rows = [i for i, e in enumerate(trust.networks) if (e.origin == "random") == at_random]
        if rows:
            score = [trust.networks[i].metrics[trust.objective] for i in rows]
            truth = [trust.means[i] for i in rows]
            errors = _score_errors(trust, rows), _truth_errors(trust, rows)
            groups.append(Points(name, score, truth, *errors))
    return chart(
        groups,
        title=f"{trust.stage}: Kendall's tau {trust.agreements[0].tau}",
        x_label=f"{trust.objective} in the search ({registry.short(trust.evaluator)})",
        y_label=f"{trust.truth} by {registry.short(trust.against)}",
    )


def _score_errors(trust: Trust, rows: Sequence[int]) -> list[float]:
    return _errors(trust.objective, [trust.networks[i] for i in rows])


def _truth_errors(trust: Trust, rows: Sequence[int]) -> list[float]:
    """Of the means of repeats, where there are some; else what the other evaluator says."""
    if trust.noise is not None:
        return [trust.noise.deviation / math.sqrt(len(trust.truths))] * len(rows)
    return _errors(trust.truth, [trust.truths[0][i] for i in rows])


def _errors(metric: str, evaluations: Sequence[Evaluation]) -> list[float]:
    """The standard errors of accuracies, if all have one."""
    errors = [e.metrics["standard_error"] for e in evaluations if "standard_error" in e.metrics]
    return errors if metric == "accuracy" and len(errors) == len(evaluations) else []
