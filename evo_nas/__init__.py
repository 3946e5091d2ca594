"""Evolutionary neural architecture search under an exact compute budget.

``evo_nas.run(space="glit_hl", flops="1.4G")`` does what the command line does; what plug-ins need
is in :mod:`evo_nas.space`, :mod:`evo_nas.evaluation`, :mod:`evo_nas.strategies`,
:mod:`evo_nas.data` and :mod:`evo_nas.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .core.lazy import lazy
from .core.plugins.imports import watch
from .core.renamed import keep_old_paths

if TYPE_CHECKING:
    from .analysis.comparison.report import compare
    from .api import Prepared, prepare, resume, run
    from .results.hub.upload import push_to_hub
    from .results.networks.load import load
    from .results.networks.prediction import predict
    from .results.result import Result, load_result

__all__ = [
    "Prepared",
    "Result",
    "compare",
    "load",
    "load_result",
    "predict",
    "prepare",
    "push_to_hub",
    "resume",
    "run",
]

_public = lazy(__name__)


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _public(name)
    from importlib.metadata import version  # which takes longer to load than all else here

    return version("evo-nas")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


keep_old_paths()
watch()
