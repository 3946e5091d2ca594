"""What evaluators return is checked: numbers are numbers, of Python, NumPy or PyTorch."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from evo_nas.evaluation.evaluator import Failure, Objective, check_metrics
from evo_nas.evaluation.outcomes import checked

ACCURACY = (Objective("accuracy"),)


@pytest.mark.parametrize(
    "value",
    [0.5, np.float64(0.5), np.float32(0.5), np.array(0.5), np.array([0.5]), torch.tensor(0.5),
     torch.tensor([0.5], dtype=torch.bfloat16), Decimal("0.5")],
)  # fmt: skip
def test_numbers_of_all_libraries_become_plain_ones(value: Any) -> None:
    metrics = check_metrics({"accuracy": value, "hits": np.int64(3), "losses": 4}, ACCURACY)
    assert metrics == {"accuracy": 0.5, "hits": 3.0, "losses": 4.0}
    assert {type(number) for number in metrics.values()} == {float}


@pytest.mark.parametrize(
    "value",
    ["0.5", b"0.5", True, np.True_, torch.tensor(True), np.array("0.5"), np.str_("0.5"), None,
     [0.5], 1j, 10**400, torch.ones(2), np.ones(2), float("nan"), np.inf, torch.tensor(torch.nan)],
)  # fmt: skip
def test_what_is_no_finite_number_fails_the_candidate(value: Any) -> None:
    outcome = checked({"accuracy": value}, ACCURACY)
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("the evaluator returned accuracy = ")
    assert "no finite number" in outcome.reason
    assert len(outcome.reason) < 250


@pytest.mark.parametrize(
    "value", ["0.5", True, None, [0.5], {"a": 1}, 10**400, torch.ones(2), float("nan"), -np.inf]
)
def test_what_is_no_finite_number_is_left_out_where_it_is_no_objective(value: Any) -> None:
    notes: list[str] = []
    outcome = checked({"accuracy": 0.5, "f1": value, "hits": 3}, ACCURACY, notes)
    assert outcome == {"accuracy": 0.5, "hits": 3}
    assert notes == ["metric 'f1' is left out where it is no finite number"]


def test_names_that_are_no_texts_are_left_out() -> None:
    notes: list[str] = []
    assert checked({"accuracy": 0.5, 1: 0.5}, ACCURACY, notes) == {"accuracy": 0.5}  # type: ignore[dict-item]
    assert notes == ["metric 1 is left out where it is no finite number"]


class Broken(dict[str, float]):
    def __contains__(self, name: object) -> bool:
        raise RuntimeError("not today")


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({}, r"returned \[\], without 'accuracy'"),
        (Broken(accuracy=1.0), r"RuntimeError: not today \(test_outcomes.py, line \d+\)"),
        ([0.5] * 1000, r"a mapping of metrics, not \[0\.5, .*\.\.\.$"),
    ],
)
def test_whatever_else_is_returned_fails_the_candidate_too(metrics: Any, said: str) -> None:
    outcome = checked(metrics, ACCURACY)
    assert isinstance(outcome, Failure)
    assert re.search(said, outcome.reason)
