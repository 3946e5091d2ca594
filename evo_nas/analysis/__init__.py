"""Many runs and doubts: strategies compared, scores trusted, the paper's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .comparison.protocol import plan_comparison
    from .comparison.report import Report, compare
    from .correlation import trust
    from .judgement import judge

__all__ = ["Report", "compare", "judge", "plan_comparison", "trust"]

__getattr__ = lazy(__name__)
