"""Scores candidates by what each of their options adds to the scores of a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import numpy as np

from evo_nas.core.plugins.options import Spec, at_least
from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.additive_model import AdditiveModel
from evo_nas.evaluation.evaluator import Failure, Objective, Outcome
from evo_nas.space.space import Genome, Space

from .composite import Composite

_FEWEST = 20  # networks, below which nothing can be told of options


class AdditiveEvaluator(Composite):
    """Predicts scores from those of a random sample, as ``additive?base=supernet``.

    In the spec of ``base``, ``&``, ``%`` and ``+`` are written ``%26``, ``%25`` and ``%2B``.

    When the evaluator is opened, ``base`` scores a reference sample, drawn from the prior of what
    the budget admits, and an additive model learns from it (:class:`AdditiveModel` says how). The
    objective ``additive`` is what the model predicts of a candidate, which nobody else scores: it
    has no noise of its own, and cannot know what options do to each other in different slots. More
    is better, in a unit that means nothing beside other samples. A note tells how well the model
    orders networks of the sample that it has not seen. What becomes of finalists, such as that they
    start from shared weights, is as ``base`` says.

    Source: Hoerl and Kennard 1970, "Ridge Regression", of the model; to predict candidates by a
    sample of others, Wen et al. 2020, "Neural Predictor for Neural Architecture Search", ECCV.

    Args:
        base: the spec of an evaluator, whose first objective is learned from.
        reference: the size of the sample.
    """

    objectives = (Objective("additive"),)

    def __init__(
        self,
        *,
        base: Annotated[str, Spec("evaluator")] = "supernet",
        reference: Annotated[int, at_least(_FEWEST)] = 500,
    ) -> None:
        super().__init__({"": base}, lead="")
        self._base, self._reference = base, reference

    def prepare(self, space: Space) -> None:
        """Have the sample scored, and learn from it."""
        found = dict(self.reference_scores(space, self._reference))
        goal = self._lead.objectives[0]
        known = {
            genome: goal.sign * outcome[goal.name]
            for genome, outcome in found.items()
            if not isinstance(outcome, Failure)
        }
        if len(known) < max(_FEWEST, len(found) / 2):
            raise EvaluatorError(
                f"additive: {self._base} scores {len(known)} of {len(found)} networks of its "
                "sample, too few to learn from; give another base, or a larger reference"
            )
        self._model = AdditiveModel(space, list(known), np.array(list(known.values())))
        if self._model.tau is None or self._model.tau <= 0:
            told = "predicts those that it has not seen no better than chance"
        else:
            told = f"has a Kendall's tau of {self._model.tau:.2f} with those it has not seen"
        line = f"an additive model of {len(known):,} scores of {self._base} {told}"
        self._context.notes.append(line)
        self._context.progress.say(line)

    def accepts(self, metrics: Mapping[str, float]) -> bool:
        """All: what is known is a prediction."""
        return True

    def decide(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """What the model predicts."""
        for position, genome in enumerate(genomes):
            predicted: Mapping[str, float] = {"additive": self._model.predict(genome)}
            yield position, predicted
