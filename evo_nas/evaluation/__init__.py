"""Who scores: the contract of evaluators, shared weights, zero-cost scores, workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .evaluator import EvaluationContext, Evaluator, Failure, Objective
    from .final_test.confusion import Confusion
    from .score_cache import ScoreCache

__all__ = [
    "Confusion",
    "EvaluationContext",
    "Evaluator",
    "Failure",
    "Objective",
    "ScoreCache",
]

__getattr__ = lazy(__name__)
