"""Evolutionary neural architecture search under an exact compute budget.

``evo_nas.run(space="glit_hl", flops="1.4G")`` does what the command line does; what plug-ins need
is in :mod:`evo_nas.space.space`, :mod:`evo_nas.evaluation.evaluator` and
:mod:`evo_nas.strategies.base`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evo_nas.analysis.comparison.report import compare
    from evo_nas.results.networks.load import load
    from evo_nas.results.result import Result, load_result

    from .api import prepare, resume, run

__all__ = ["Result", "compare", "load", "load_result", "prepare", "resume", "run"]

_HOMES = {
    "compare": "comparison_report",
    "load": "loading",
    "load_result": "result",
    "Result": "result",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: torch takes seconds, and help or an error should not."""
    if name not in __all__:
        raise AttributeError(f"module 'evo_nas' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES.get(name, 'api')}", __name__), name)
