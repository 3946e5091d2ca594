"""What a trust report holds, as values, as a document and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import registry
from .agreement import Agreement, RepeatNoise
from .charts import Points, scatter
from .store import Evaluation


@dataclass(frozen=True, slots=True)
class Trust:
    """What was found about one stage's scores.

    ``networks`` are candidates of the search, ``truths`` what the other evaluator says of each of
    them, repeat by repeat: shape (repeats, networks). ``agreements`` begin with the scores that the
    search used, in its order. ``error`` and ``reliability`` are the scores' own (see
    :mod:`evo_nas.reliability`), None where they say nothing of it; ``noise`` is None without
    repeats.
    """

    folder: Path
    stage: str
    evaluator: str
    objective: str
    against: str
    epochs: int
    truth: str
    candidates: int
    networks: tuple[Evaluation, ...]
    truths: tuple[tuple[Evaluation, ...], ...]
    agreements: tuple[Agreement, ...]
    constant: tuple[str, ...]
    error: float | None
    reliability: float | None
    noise: RepeatNoise | None
    file: Path

    @property
    def picture(self) -> Path:
        """The scatter plot."""
        return self.file.with_suffix(".svg")

    @property
    def means(self) -> list[float]:
        """What the other evaluator says of each network, the mean of its repeats."""
        return means(self.truths, self.truth)


def means(truths: Sequence[Sequence[Evaluation]], metric: str) -> list[float]:
    """The mean over repeats of a metric, for each network."""
    return [sum(e.metrics[metric] for e in each) / len(each) for each in zip(*truths, strict=True)]


def trust_document(trust: Trust) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "format": 1,
        "run_folder": str(trust.folder),
        "stage": trust.stage,
        "evaluator": trust.evaluator,
        "against": trust.against,
        "epochs": trust.epochs,
        "candidates": trust.candidates,
        "agreements": [
            {
                "name": each.name,
                "kendall": asdict(each.tau),
                "spearman": asdict(each.rho),
                "score_minus_this": None if each.ahead is None else asdict(each.ahead),
            }
            for each in trust.agreements
        ],
        "the_same_for_all": list(trust.constant),
        "score_standard_error": trust.error,
        "score_reliability": trust.reliability,
        "repeat_noise": None if trust.noise is None else asdict(trust.noise),
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
    return scatter(
        groups,
        title=f"{trust.stage}: Kendall's tau {trust.agreements[0].tau}",
        x_label=f"{trust.objective} in the search ({registry.short(trust.evaluator)})",
        y_label=f"{trust.truth} by {registry.short(trust.against)}",
    )


def _score_errors(trust: Trust, rows: Sequence[int]) -> list[float]:
    errors = [trust.networks[i].metrics.get("standard_error") for i in rows]
    return [] if None in errors or trust.objective != "accuracy" else [e or 0 for e in errors]


def _truth_errors(trust: Trust, rows: Sequence[int]) -> list[float]:
    """Of the means of repeats, where there are some; else what the other evaluator says."""
    if trust.noise is not None:
        return [trust.noise.deviation / math.sqrt(len(trust.truths))] * len(rows)
    errors = [trust.truths[0][i].metrics.get("standard_error") for i in rows]
    return [] if None in errors or trust.truth != "accuracy" else [e or 0 for e in errors]
