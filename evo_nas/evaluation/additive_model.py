"""A model of scores to which each option of each choice adds its share.

Why: docs/decisions/042-additive-model.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

from evo_nas.space.encoding import Encoding, Floats
from evo_nas.space.space import Genome, Space

from .warping import half_ranked

_OFTEN, _SHARE = 5, 0.01  # of candidates, that have a joint value which is learned of its own
_JOINT = 0.5  # against an option alone: four times the penalty
_PENALTIES = np.logspace(-2, 4, 13)
_FOLDS = 5
_UNIT = 1e6  # effects are whole numbers of a millionth: sums are exact, and ties are ties


class AdditiveModel:
    """Scores (more is better) as a sum over the choices and slots of a space, by ridge regression.

    Features are the option of each active choice and, in slots of several choices, their joint
    value where many candidates have it. The scores of the better half are scaled, those of the
    worse half are quantiles, so that disasters do not decide. The penalty is that of the least
    leave-one-out error. ``tau`` is Kendall's between the scores and what models predict that have
    not seen them (5 folds); None where the scores say nothing.

    Source: Hoerl and Kennard 1970, "Ridge Regression"; Golub, Heath and Wahba 1979, "Generalized
    Cross-Validation".
    """

    def __init__(self, space: Space, genomes: Sequence[Genome], scores: Floats) -> None:
        from sklearn.linear_model import RidgeCV  # a second to import, and rarely needed
        from sklearn.model_selection import KFold, cross_val_predict

        self._space, self._encoding = space, Encoding(space)
        columns = self._encoding.columns
        self._joint: list[tuple[Sequence[int], dict[Genome, int]]] = []
        least = max(_OFTEN, _SHARE * len(genomes))
        for positions in space.slots.values():
            if len(positions) > 1:
                seen = Counter(tuple(genome[i] for i in positions) for genome in genomes)
                often = sorted(value for value, times in seen.items() if times >= least)
                self._joint.append((positions, {v: columns + i for i, v in enumerate(often)}))
                columns += len(often)
        self._columns = columns
        scale = np.where(np.arange(columns) < self._encoding.columns, 1.0, _JOINT)
        features, targets = scale * self._encode(genomes), half_ranked(scores)
        folds = KFold(_FOLDS, shuffle=True, random_state=0)
        with ThreadpoolController().limit(limits=1, user_api="blas"):  # the same on any machine
            ridge = RidgeCV(_PENALTIES).fit(features, targets)
            unseen = cross_val_predict(RidgeCV(_PENALTIES), features, targets, cv=folds)
        self._effects = np.rint(_UNIT * scale * ridge.coef_)
        self.tau = kendall(unseen, scores)

    def worth(self, genome: Genome) -> float:
        """What is predicted of a genome: a whole number, of a unit of its own."""
        return float((self._encode([genome]) @ self._effects)[0])

    def predict(self, genome: Genome) -> float:
        """The same, in the unit of the better half's spread."""
        return self.worth(genome) / _UNIT

    def spreads(self, genomes: Sequence[Genome]) -> dict[str, float]:
        """By how much what a choice adds varies among genomes: standard deviations by its name.

        Each is among the genomes that make the choice at all. The largest come first, and what adds
        the same to all is left out. What choices of a slot add together is told beside them. The
        unit is that of :meth:`predict`.
        """
        encoded, added = self._encode(genomes), self._effects / _UNIT
        found, end = {}, 0
        for position, size in zip(self._encoding.varied, self._encoding.sizes, strict=True):
            end += size  # the last of its columns says that it is not active
            makes, options = encoded[:, end - 1] == 0, slice(end - size, end - 1)
            found[self._space.choices[position].name] = encoded[makes, options] @ added[options]
        for positions, joint in self._joint:
            columns = [*joint.values()]
            name = f"{self._space.choices[positions[0]].slot}, together"
            found[name] = encoded[:, columns] @ added[columns]
        spreads = {name: float(values.std()) for name, values in found.items() if len(values)}
        ordered = sorted(spreads.items(), key=lambda item: -item[1])
        return {name: spread for name, spread in ordered if spread > 1 / _UNIT}

    def _encode(self, genomes: Sequence[Genome]) -> Floats:
        encoded = np.zeros((len(genomes), self._columns))
        encoded[:, : self._encoding.columns] = self._encoding.encode(genomes)
        for positions, columns in self._joint:
            for row, genome in enumerate(genomes):
                if (column := columns.get(tuple(genome[i] for i in positions))) is not None:
                    encoded[row, column] = 1
        return encoded


def kendall(a: Floats, b: Floats) -> float | None:
    """Kendall's tau; None where it is not known, as one does not vary or has no numbers."""
    from scipy.stats import kendalltau

    found = float(kendalltau(a, b).statistic)
    return None if math.isnan(found) else found
