"""Plug-ins that break their contracts are told of before a run begins, or when they are asked."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evo_nas
from evo_nas.api import prepare
from evo_nas.errors import SpecError
from evo_nas.evaluation.evaluator import Failure
from evo_nas.space.space import Costs, Genome, Geometry
from evo_nas.strategies.base import Proposal, Scored, Strategy
from tests.kit.plugins import Score, Tiny
from tests.kit.runs import BUDGET, SMALL, SPACE

HERE = "tests.space.test_checks"


class NoTarget(Tiny):
    target: Geometry = None  # type: ignore[assignment]


class HalfCosts(Tiny):
    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        table = super().slot_costs(slot, context)
        return {k: {n: c + 0.5 for n, c in v.items()} for k, v in table.items()}  # type: ignore[misc]


class Forgetful(Tiny):
    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        table = dict(super().slot_costs(slot, context))
        return {value: cost for value, cost in table.items() if value != (1, 1, 0)}


class Failing(Tiny):
    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        raise KeyError("no such slot")


SPACES = {
    "NoTarget": "`target` is None; make it a Geometry",
    "Forgetful": r"slot_costs\('block0', \(\)\) has no \(1, 1, 0\); give the costs of all",
    "Failing": r"costs\(\) raised KeyError: 'no such slot' \(test_checks.py, line \d+\)",
}


@pytest.mark.parametrize(("name", "said"), SPACES.items())
def test_a_space_is_checked_before_a_run(name: str, said: str) -> None:
    spec = f"{HERE}:{name}"
    with pytest.raises(
        SpecError, match=f"^space '{spec}': .*{said}.*evo-nas check space {spec} says"
    ):
        prepare(spec, BUDGET, **SMALL)


class TextObjective(Score):
    objectives = ("accuracy",)  # type: ignore[assignment]


class Perhaps(Score):
    in_workers = "sometimes"  # type: ignore[assignment]


class Refuses(Score):
    def check(self, space: object) -> None:
        raise AttributeError("blocks")


EVALUATORS = {
    "TextObjective": r"`objectives` is \('accuracy',\); make it a tuple of Objective\(name\)",
    "Perhaps": "`in_workers` is 'sometimes'; make it True or False",
    "Refuses": r"check\(\) raised AttributeError: blocks \(test_checks.py, line \d+\)",
}


@pytest.mark.parametrize(("name", "said"), EVALUATORS.items())
def test_an_evaluator_is_checked_before_a_run(name: str, said: str) -> None:
    spec = f"{HERE}:{name}"
    with pytest.raises(SpecError, match=f"^evaluator '{spec}': {said}.*evo-nas check evaluator"):
        prepare(SPACE, BUDGET, **{**SMALL, "evaluator": spec})


class Asks(Strategy):
    """Proposes what an option says, a genome that is legal in the first stage."""

    def __init__(self, answer: str = "") -> None:
        self.answer = answer

    def plan(self, space: Any, settings: Any) -> Any:
        planned = super().plan(space, settings)
        return list(planned) if self.answer == "plan" else planned

    def begin(self, stage: Any, sampler: Any, settings: Any, objectives: Any) -> None:
        if self.answer == "begin":
            raise KeyError("stage")
        self.sampler = sampler

    def ask(self, rng: np.random.Generator) -> Any:
        genome = self.sampler.typical(rng)
        answers: dict[str, Any] = {
            "bare": [genome],
            "none": None,
            "short": [Proposal(genome[:3], "random")],
            "list": [Proposal(list(genome), "random")],  # type: ignore[arg-type]
            "gene": [Proposal((99, *genome[1:]), "random")],
            "numpy": [Proposal(tuple(map(np.int64, genome)), "random")],  # type: ignore[arg-type]
            "origin": [Proposal(genome, None)],  # type: ignore[arg-type]
            "parents": [Proposal(genome, "random", None)],  # type: ignore[arg-type]
            "one": Proposal(genome, "random"),
        }
        if self.answer == "ask":
            return answers["nothing"]
        return answers.get(self.answer, [Proposal(genome, "random")])

    def tell(self, scored: Sequence[Scored]) -> None:
        raise IndexError("nobody listens")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("plan", r"plan\(\) is \[StagePlan.*; return a tuple of StagePlan"),
        ("begin", r"begin\(\) raised KeyError: 'stage' \(test_checks.py, line \d+\)"),
        ("bare", r"ask\(\) is \[\(.*; return a list of Proposal\(genome, origin\)"),
        ("none", r"ask\(\) is None; return a list of Proposal"),
        ("one", r"ask\(\) is Proposal.*; return a list of Proposal"),
        ("short", r"the proposal \(.*\) is no genome: .* has 12 genes, this one 3"),
        ("list", r"the proposal \[.*\] is a list; make it a tuple"),
        ("gene", r"is no genome: choice .* has options 0 to 2, not 99"),
        ("numpy", r"is no genome: .* not (np.int64\()?\d"),
        ("origin", "does not say its `origin`, in a word"),
        ("parents", "has `parents` None; make it a tuple of genomes"),
        ("ask", r"ask\(\) raised KeyError: 'nothing' \(test_checks.py, line \d+\)"),
        ("fine", r"tell\(\) raised IndexError: nobody listens \(test_checks.py, line \d+\)"),
    ],
)
def test_a_strategy_is_checked_whenever_it_is_called(
    answer: str, said: str, tmp_path: Path
) -> None:
    spec = f"{HERE}:Asks?answer={answer}"
    with pytest.raises(SpecError, match=said) as error:
        evo_nas.run(SPACE, BUDGET, run_dir=tmp_path / "run", **{**SMALL, "strategy": spec})
    assert str(error.value).startswith(f"strategy '{spec}': ")
    assert f"evo-nas check strategy {shlex.quote(spec)} says" in str(error.value)


class Cancelled(Score):
    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        raise asyncio.CancelledError("the task was cancelled")


class Interrupted(Score):
    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        raise KeyboardInterrupt


def test_a_cancelled_task_fails_its_candidate_and_an_interrupt_does_not() -> None:
    ((_, outcome),) = Cancelled().evaluate_many([(0,)])
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("CancelledError: the task was cancelled (test_checks.py")
    with pytest.raises(KeyboardInterrupt):
        list(Interrupted().evaluate_many([(0,)]))
