"""Scores judged by a pool of trained networks: how far each agrees with what training says.

Also within bands of FLOPs, as what ranks large networks above small ones may not know more than
their size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from pydantic import TypeAdapter

from evo_nas.core.files import write_atomically
from evo_nas.search import run_folder
from evo_nas.search.store.store import Evaluation

from .agreement import RepeatNoise, mean_pairwise
from .statistics import Estimate, Values, bootstrap, kendall, kendall_within, spearman

FEWEST = 4  # networks that can be ranked
_OF_A_BAND = 6  # networks, below which an interval says nothing
Score: TypeAlias = tuple[str, str]  # an evaluator in words, and its metric


@dataclass(frozen=True, slots=True)
class Band:
    """Networks of about the same FLOPs: from the least to the most of them, and how many."""

    least: int
    most: int
    networks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How far the ranking by ``name`` agrees with the truth.

    ``evaluator`` is the one whose metric this is, "" if it is none's. ``networks`` are those that
    it could score. ``within`` counts pairs in the same band only, and ``bands`` are the agreements
    in each of them: None, where there is one band or less than four networks in it.
    """

    evaluator: str
    name: str
    networks: int
    kendall: Estimate
    spearman: Estimate
    within: Estimate | None
    bands: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What of a judgement is kept as it is; see :class:`Judgement`."""

    space: str
    stage: str
    against: str
    epochs: int
    metric: str
    maximise: bool
    failed: int
    bands: tuple[Band, ...]
    scores: tuple[Judged, ...]
    baselines: tuple[Judged, ...]
    constant: tuple[str, ...]
    repeats: Judged | None
    noise: RepeatNoise | None
    between: float | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Judgement(Findings):
    """What was found about scores by a pool.

    ``networks`` were trained by ``against``, and reached ``truths`` of the ``metric``: shape
    (repeats, networks); ``failed`` more could not be. ``repeats`` is how far the repeats agree with
    each other, ``noise`` what training again changes, and ``between`` the standard deviation
    between networks that is not of their repeats: all None without repeats. ``baselines`` cost
    nothing; ``constant`` are those that are the same for all.
    """

    folder: Path
    networks: tuple[Evaluation, ...]
    truths: tuple[tuple[float, ...], ...]
    values: Mapping[Score, Sequence[float | None]]

    @property
    def file(self) -> Path:
        """All numbers, as JSON."""
        return self.folder / run_folder.JUDGEMENT

    def save(self) -> None:
        """Write all numbers into the pool's folder."""
        write_atomically(
            self.file, (json.dumps(judgement_document(self), indent=2) + "\n").encode()
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{e.evaluator} {e.name}: tau {e.kendall}" for e in self.scores)
        return f"<pool {self.folder}: {len(self.networks)} networks; {told or 'no scores'}>"


def judgement_document(found: Judgement) -> dict[str, Any]:
    """The judgement as plain values."""
    return {
        "format": 1,
        "folder": str(found.folder),
        **TypeAdapter(Findings).dump_python(found, mode="json"),
        "networks": [
            {
                "genome": list(e.genome),
                "origin": e.origin,
                "flops": e.flops,
                "params": e.params,
                "truth": [repeat[i] for repeat in found.truths],
                "scores": [
                    {"evaluator": evaluator, "name": name, "value": values[i]}
                    for (evaluator, name), values in found.values.items()
                ],
            }
            for i, e in enumerate(found.networks)
        ],
    }


class Judge:
    """Compares scores with the truth, more being better in both.

    ``truths`` have shape (repeats, networks); their mean is the truth. The networks are parted
    into ``bands`` of about the same number by their ``flops``, or fewer, so that six are in each;
    equal ones are in the same band.
    """

    def __init__(self, truths: Sequence[Sequence[float]], flops: Sequence[int], bands: int) -> None:
        self.truths = np.asarray(truths, dtype=np.float64)
        self.truth = self.truths.mean(axis=0)
        costs = np.asarray(flops)
        bands = max(1, min(bands, len(costs) // _OF_A_BAND))
        places = np.searchsorted(np.sort(costs), costs)  # of equal ones the first
        numbers = np.unique(places * bands // len(costs), return_inverse=True)[1]
        self._band: Values = numbers.astype(np.float64)
        self._count = int(numbers.max()) + 1
        members = [costs[self._band == number] for number in range(self._count)]
        self.bands = tuple(Band(int(m.min()), int(m.max()), len(m)) for m in members)

    def judge(self, name: Score, score: Sequence[float | None]) -> Judged | None:
        """A score, None where it has none for a network; None if too few are left to be ranked."""
        known = np.array([value is not None for value in score])
        if known.sum() < FEWEST:
            return None
        values = np.array([value for value in score if value is not None], dtype=np.float64)
        truth, band = self.truth[known], self._band[known]
        return Judged(
            evaluator=name[0],
            name=name[1],
            networks=len(values),
            kendall=bootstrap(kendall, values, truth),
            spearman=bootstrap(spearman, values, truth),
            within=self._parted(bootstrap(kendall_within, values, truth, band)),
            bands=tuple(
                bootstrap(kendall, values[band == n], truth[band == n])
                if (band == n).sum() >= FEWEST
                else None
                for n in range(self._count)
            ),
        )

    def repeats(self, name: str) -> Judged | None:
        """How far two repeats of the truth agree with each other, on average; None if it is one."""
        if len(self.truths) == 1:
            return None

        def within(*sample: Any) -> float:
            *repeats, band = sample
            return mean_pairwise(lambda a, b: kendall_within(a, b, band), np.array(repeats))

        def tau(*repeats: Any) -> float:
            return mean_pairwise(kendall, np.array(repeats))

        return Judged(
            evaluator="",
            name=name,
            networks=self.truths.shape[1],
            kendall=bootstrap(tau, *self.truths),
            spearman=bootstrap(lambda *r: mean_pairwise(spearman, np.array(r)), *self.truths),
            within=self._parted(bootstrap(within, *self.truths, self._band)),
            bands=tuple(
                bootstrap(tau, *self.truths[:, self._band == n])
                if band.networks >= FEWEST
                else None
                for n, band in enumerate(self.bands)
            ),
        )

    def _parted(self, within: Estimate) -> Estimate | None:
        return within if self._count > 1 else None
