"""What a run left: its result, charts, the page, networks to take away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .architecture import FoundArchitecture
    from .charts.notebook import Figure
    from .networks.export import export
    from .networks.load import load
    from .networks.prediction import Prediction, predict
    from .result import Result, load_result
    from .trust_report import Trust

__all__ = [
    "Figure",
    "FoundArchitecture",
    "Prediction",
    "Result",
    "Trust",
    "export",
    "load",
    "load_result",
    "predict",
]

__getattr__ = lazy(__name__)
