"""One run: settings, plan, stages, the store of evaluations, the best network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .config import Config
    from .plan import Plan
    from .store.rows import Evaluation
    from .store.store import Store

__all__ = ["Config", "Evaluation", "Plan", "Store"]

__getattr__ = lazy(__name__)
