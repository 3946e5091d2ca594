"""Scores candidates by any function of Python."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.blame import describe
from evo_nas.core.plugins.options import Code
from evo_nas.errors import EvaluatorError, SpecError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective, check_metrics
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space


class PythonEvaluator(Evaluator):
    """Calls a function, as ``python?function=file.py:score`` or ``python?function=package:score``.

    The function takes one argument, the options of all active choices by name (as
    ``{"block0.heads": 3, ...}``, a dict of its own), and returns a number, or a dict of metrics by
    name with the objective among them. It has to return the same for the same options.

    Args:
        function: a path or an importable module, a colon, and the function's name.
        objective: the name of the metric that candidates are ranked by.
        minimise: whether less of it is better.
    """

    needs_data = False
    in_workers = True

    def __init__(
        self,
        *,
        function: Annotated[str, Code()],
        objective: str = "accuracy",
        minimise: bool = False,
    ) -> None:
        self._name = function
        if ":" not in function:
            raise SpecError(
                f"function={function} names no function; write function=file.py:name or "
                "function=package.module:name"
            )
        self.objectives = (Objective(objective, maximise=not minimise),)
        self._function = registry.find("evaluator", function)
        if inspect.isclass(self._function):
            raise SpecError(
                f"{function} is a class; name a function, or give an evaluator as --evaluator "
                f"{function}"
            )
        try:
            inspect.signature(self._function).bind({})
        except TypeError as error:
            raise SpecError(
                f"{function} cannot be called with the options of choices as its one argument: "
                f"{error}"
            ) from error
        except ValueError:
            pass  # functions written in C may not tell their arguments

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._decoder = Decoder(space)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        try:
            returned = self._function(dict(self._decoder.options(genome)))
        except Exception as error:  # a function of others may fail in any way
            raise EvaluatorError(f"{self._name} raised {describe(error)}") from error
        metrics: Mapping[str, float] = (
            returned if isinstance(returned, Mapping) else {self.objectives[0].name: returned}
        )
        check_metrics(metrics, self.objectives)
        return metrics
