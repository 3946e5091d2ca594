"""How far scores can be trusted, from the scores themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo_nas.search.store.store import Evaluation

_FEWEST = 10


def split_half(evaluations: Sequence[Evaluation]) -> float | None:
    """The reliability of accuracies: how well another sample of images would order the candidates.

    The correlation over candidates between the accuracies on even and on odd validation images,
    raised to the full length by Spearman and Brown's formula 2r / (1 + r). Only candidates drawn at
    random count: selected ones are alike, which lowers any correlation. None where fewer than ten
    of them have both halves, or their accuracies do not vary.
    """
    pairs = [
        (e.metrics["accuracy_even"], e.metrics["accuracy_odd"])
        for e in evaluations
        if e.origin == "random" and {"accuracy_even", "accuracy_odd"} <= e.metrics.keys()
    ]
    if len(pairs) < _FEWEST:
        return None
    even, odd = np.array(pairs).T
    if even.std() == 0 or odd.std() == 0:
        return None
    r = float(np.corrcoef(even, odd)[0, 1])
    return 2 * r / (1 + r) if r > 0 else 0.0


def split_half_error(evaluations: Sequence[Evaluation]) -> float | None:
    """The standard error of accuracies between candidates, as far as it comes from the images.

    Half the standard deviation over candidates of the difference between the accuracies on even and
    on odd validation images; what all candidates share, such as easier images, drops out. None
    where fewer than two have both halves.
    """
    differences = [
        e.metrics["accuracy_even"] - e.metrics["accuracy_odd"]
        for e in evaluations
        if {"accuracy_even", "accuracy_odd"} <= e.metrics.keys()
    ]
    return float(np.std(differences, ddof=1)) / 2 if len(differences) > 1 else None
