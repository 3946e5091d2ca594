"""Whether a plug-in keeps its contract: the checks that evo-nas makes of its own plug-ins.

``check_space``, ``check_evaluator``, ``check_strategy`` and ``check_callback`` raise one error that
lists all that failed and what to do; ``space_checks`` and the others give the same checks one by
one, as pytest likes them::

    @pytest.mark.parametrize("check", space_checks("my_space.py:MySpace"), ids=str)
    def test_it_keeps_the_contract(check):
        check()

``evo-nas check`` shows them on the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .callback import callback_checks, check_callback
    from .check import Check, CheckFailed, ConformanceError, Outcome
    from .evaluator import check_evaluator, evaluator_checks
    from .space import check_space, space_checks
    from .strategy import check_strategy, strategy_checks

__all__ = [
    "Check",
    "CheckFailed",
    "ConformanceError",
    "Outcome",
    "callback_checks",
    "check_callback",
    "check_evaluator",
    "check_space",
    "check_strategy",
    "evaluator_checks",
    "space_checks",
    "strategy_checks",
]

__getattr__ = lazy(__name__)
