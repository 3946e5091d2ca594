"""Who proposes: ask and tell, DEAP's operators, and the search strategies that ship."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .base import Proposal, Scored, StagePlan, Strategy, flat_stage, rank
    from .settings import Settings

__all__ = ["Proposal", "Scored", "Settings", "StagePlan", "Strategy", "flat_stage", "rank"]

__getattr__ = lazy(__name__)
