"""Finalists by an additive model: what each option adds to the score, learned from all scored.

A score of shared weights is noisy, and the best of a thousand noisy scores are mostly lucky. A
candidate's options were tried in hundreds of others: their mean effects say what it would score
without luck. Where costs add up, too, the model's best legal genome follows exactly from the
sampler's tables.

Why: docs/decisions/042-additive-model.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evo_nas.errors import NotDrawn
from evo_nas.evaluation.additive_model import AdditiveModel, kendall
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome

from .base import Scored, StagePlan, Strategy
from .settings import Settings

By: TypeAlias = Literal["scores", "additive"]

MODEL, OPTIMUM = "model", "optimum"  # how finalists came about
_FEWEST = 10  # candidates to learn from


class AdditiveFinalists:
    """Chooses a stage's finalists by an additive model of everything scored, but what failed.

    The best by the model, and its optimum: the legal genome of which it predicts most, scored or
    not. ``findings`` say how well the model orders candidates that it has not seen, and what the
    halves of the scores themselves agree. Where the model is no better than chance, the scores
    decide.
    """

    def __init__(self, sampler: Sampler, objectives: Sequence[Objective]) -> None:
        self._feasible, self._space, self._objectives = sampler.feasible, sampler.space, objectives
        self._known: dict[int, bool] = {}  # by the genome's number: whether it may be a finalist
        self._genes: list[NDArray[np.int32]] = []  # a generation each, in little memory
        self._rows: list[tuple[float, ...]] = []  # score, FLOPs, and perhaps the score's halves
        self.findings: dict[str, float | str] = {}

    def tell(self, scored: Sequence[Scored]) -> None:
        """Keep what a model can learn from; of a genome that is told twice, the first."""
        fresh = []
        first = self._objectives[0]
        names = f"{first.name}_even", f"{first.name}_odd"
        for one in scored:
            number = self._space.number(one.genome)
            if number in self._known:
                continue
            self._known[number] = bool(one.metrics) and one.accepted
            if self._known[number]:
                fresh.append(one.genome)
                score = first.sign * one.metrics[first.name]
                halves = (one.metrics.get(name, np.nan) for name in names)
                self._rows.append((score, one.flops, *halves))
        if fresh:
            self._genes.append(np.array(fresh, dtype=np.int32))

    def choose(self, best: Sequence[Scored], count: int) -> list[Scored]:
        """The finalists; ``best`` are those by score."""
        if len(self._rows) < _FEWEST:
            return self._by_score(best, f"fewer than {_FEWEST} scores")
        genomes = [tuple(row) for genes in self._genes for row in genes.tolist()]
        scores, flops, even, odd = np.array(self._rows).T
        model = AdditiveModel(self._space, genomes, scores)
        if model.tau is None or model.tau <= 0:
            return self._by_score(best, "it predicts scores no better than chance")
        self.findings = {"Kendall's tau, additive model on unseen scores": round(model.tau, 4)}
        if (halves := kendall(even, odd)) is not None:
            self.findings["Kendall's tau, one half of the scores on the other"] = round(halves, 4)
        worth = [model.worth(genome) for genome in genomes]
        order = sorted(
            range(len(genomes)), key=lambda i: (-worth[i], -scores[i], flops[i], genomes[i])
        )
        ranked = [self._finalist(genomes[i], MODEL) for i in order[: count + 1]]
        optimum = self._optimum(model) if count > 1 else None
        if optimum is None:
            return ranked[:count]
        others = [one for one in ranked if one.genome != optimum]
        return [*others[: count - 1], self._finalist(optimum, OPTIMUM)]

    def _by_score(self, best: Sequence[Scored], why: str) -> list[Scored]:
        self.findings = {"additive model": f"not used: {why}"}
        return list(best)

    def _optimum(self, model: AdditiveModel) -> Genome | None:
        try:
            for genome in self._feasible.descending(model.worth):
                if self._known.get(self._space.number(genome), True):
                    return genome
        except NotDrawn as error:
            self.findings[OPTIMUM] = f"not known: {error}"
        return None

    def _finalist(self, genome: Genome, origin: str) -> Scored:
        return Scored(genome, self._space.costs(genome)["flops"], origin=origin)


class ScoredSearch(Strategy):
    """A strategy that retrains the best of what it scored.

    Args:
        finalists: which are the best: those by their "scores", or those of an "additive" model of
            all scores, and its optimum within the limits.
    """

    _chooser: AdditiveFinalists | None = None
    _additive = False

    def __init__(self, *, finalists: By = "scores") -> None:
        self._additive = finalists == "additive"

    def begin(
        self,
        stage: StagePlan,
        sampler: Sampler,
        settings: Settings,
        objectives: Sequence[Objective],
    ) -> None:
        self._chooser = AdditiveFinalists(sampler, objectives) if self._additive else None
        super().begin(stage, sampler, settings, objectives)

    def tell(self, scored: Sequence[Scored]) -> None:
        """Whoever overrides this calls it, too."""
        if self._chooser is not None:
            self._chooser.tell(scored)

    def finalists(self, best: Sequence[Scored], count: int) -> list[Scored]:
        if self._chooser is None:
            return super().finalists(best, count)
        return self._chooser.choose(best, count)

    def findings(self) -> Mapping[str, float | str]:
        return super().findings() if self._chooser is None else self._chooser.findings
