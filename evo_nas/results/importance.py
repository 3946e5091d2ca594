"""Which choices matter: by how much what each adds to the score varies among the candidates.

Those are meant that make the choice at all. What it adds is said by an additive model of the
search's scores (:class:`evo_nas.evaluation.additive_model.AdditiveModel`), which also says how far
to trust it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evo_nas.errors import RunError
from evo_nas.space.space import Space

from .candidates import Stage
from .charts.bars import bars

_FEWEST = 50  # different candidates that a model is learned from
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Importance:
    """Of a ``stage``; ``spreads`` are standard deviations by name of a choice, the largest first.

    Their unit is the standard deviation of the better half's scores. What choices of a slot add
    together besides what each adds has a name of its own. ``tau`` is Kendall's, of the model and
    scores that it has not seen.
    """

    stage: str
    spreads: Mapping[str, float]
    tau: float

    @property
    def title(self) -> str:
        """That of the chart."""
        return f"{self.stage}: which choices matter"

    @property
    def chart(self) -> str:
        """The largest of them, as SVG."""
        return bars(dict(list(self.spreads.items())[:_SHOWN]), title=self.title)


def importance(stage: Stage, space: Space) -> Importance:
    """How much each choice matters among a stage's candidates.

    Raises:
        RunError: that is not known, as they are few, or their scores say too little.
    """
    from evo_nas.evaluation.additive_model import AdditiveModel  # with scipy.stats, which is slow

    found, unknown = stage.ranked, f"which choices matter in {stage.name} is not known"
    if len(found) < _FEWEST:
        raise RunError(f"{unknown}: fewer than {_FEWEST} different candidates were scored")
    genomes = [candidate.evaluation.genome for candidate in found]
    scores = np.array([stage.objective.sign * candidate.score for candidate in found])
    model = AdditiveModel(space, genomes, scores)
    spreads = model.spreads(genomes)
    if model.tau is None or model.tau <= 0 or not spreads:
        raise RunError(f"{unknown}: a model of the scores orders unseen ones no better than chance")
    return Importance(stage.name, spreads, model.tau)
