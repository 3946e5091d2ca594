"""Checks in a process of their own: what hangs or dies there is told, and ends nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from evo_nas.core.plugins import modules
from evo_nas.errors import SpecError
from evo_nas.testing import Outcome, evaluator_checks
from evo_nas.testing.isolated import outcomes_apart

MINE = """
import os
import signal
import time

from evo_nas.evaluation.evaluator import Evaluator


class Fine(Evaluator):
    needs_data = False

    def evaluate(self, genome):
        return {"accuracy": sum(genome) / 100}


class Hangs(Fine):
    def evaluate(self, genome):
        time.sleep(1000)


class Dies(Fine):
    def evaluate(self, genome):
        os.kill(os.getpid(), signal.SIGSEGV)


class NeverLoads(Fine):
    def __init__(self):
        time.sleep(1000)


class Raises(Fine):
    def __init__(self):
        raise ValueError("no licence")
"""
SCORED = "it returns its objectives as finite numbers"


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return str(path)


def failures(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {outcome.name: outcome.message for outcome in outcomes if outcome.status == "failed"}


def test_all_checks_are_made_in_order_and_not_in_this_process(mine: str) -> None:
    found = list(outcomes_apart("evaluator", f"{mine}:Fine", 60, samples=2))
    assert [one.name for one in found] == [c.name for c in evaluator_checks(f"{mine}:Fine")]
    assert not failures(found)
    assert str(Path(mine).resolve()) not in modules.files()


LATE = "no result within 2 s; mend this before the rest is tried"
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "limit", "check", "said"),
    [
        pytest.param("Hangs", 2, SCORED, LATE, marks=slow),
        pytest.param("Dies", 60, SCORED, "SIGSEGV", marks=slow),
        pytest.param("NeverLoads", 2, "it loads", LATE, marks=slow),
        ("Raises", 60, "it loads", "no licence"),
    ],
)
def test_a_check_that_hangs_or_dies_fails_and_is_the_last(
    mine: str, name: str, limit: float, check: str, said: str
) -> None:
    found = list(outcomes_apart("evaluator", f"{mine}:{name}", limit))
    assert failures(found).keys() == {check}
    assert said in found[-1].message
    assert found[-1].name == check


@pytest.mark.parametrize(
    ("kind", "spec", "space", "said"),
    [
        ("evaluator", "tabel", None, "did you mean table"),
        pytest.param("strategy", "spos", "glit_hk", "did you mean glit_hl", marks=slow),
    ],
)
def test_what_names_nothing_is_no_outcome(
    kind: str, spec: str, space: str | None, said: str
) -> None:
    options = {} if space is None else {"space": space}
    with pytest.raises(SpecError, match=said):
        list(outcomes_apart(kind, spec, 60, **options))
