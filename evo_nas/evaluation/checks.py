"""Checks what an evaluator says of itself, before a run begins."""

from __future__ import annotations

from collections.abc import Sequence

from evo_nas.core.plugins.blame import require
from evo_nas.core.validation import shown
from evo_nas.evaluation.evaluator import Evaluator, Objective


def check_evaluator(evaluator: Evaluator) -> None:
    """What it says of itself."""
    told = f"`objectives` is {shown(evaluator.objectives)}"
    fine = isinstance(evaluator.objectives, Sequence) and len(evaluator.objectives) > 0
    fine = fine and all(isinstance(one, Objective) for one in evaluator.objectives)
    require(fine, f"{told}; make it a tuple of Objective(name), one at least")
    names = [one.name for one in evaluator.objectives]
    require(all(isinstance(name, str) for name in names), f"{told}; names are texts")
    require(len(set(names)) == len(names), f"two objectives have one name: {', '.join(names)}")
    for name in [name for name, kind in Evaluator.__annotations__.items() if kind == "bool"]:
        value = getattr(evaluator, name)
        require(type(value) is bool, f"`{name}` is {value!r}; make it True or False")
    retrainer = evaluator.retrainer
    require(isinstance(retrainer, str), f"`retrainer` is {shown(retrainer)}; make it a spec")
