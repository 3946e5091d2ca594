from __future__ import annotations

from typing import Any

import pytest

from evo_nas.callbacks import Callback
from evo_nas.testing import ConformanceError, callback_checks, check_callback
from tests.kit.callbacks import Memory


class Indexing(Callback):
    """Takes for granted that no candidate fails."""

    def evaluation_done(self, evaluation: Any) -> None:
        print(evaluation.metrics["accuracy"])


class Truthful(Callback):
    def evaluation_done(self, evaluation: Any) -> Any:
        return evaluation.metrics.get("accuracy", 0) > 0.7


class Beginner(Callback):
    """Takes for granted that a run begins but once."""

    def run_begun(self, run: Any) -> None:
        (run.folder / "begun").mkdir()


def mistakes(callback: Any) -> dict[str, str]:
    outcomes = [check.outcome() for check in callback_checks(callback)]
    return {outcome.name: outcome.message for outcome in outcomes if outcome.status == "failed"}


def test_who_hears_all_keeps_the_contract() -> None:
    check_callback(Memory)


@pytest.mark.parametrize(
    ("callback", "check", "told"),
    [
        (Indexing, "it hears a run to its end", "KeyError: 'accuracy' (test_callback.py, line"),
        (Truthful, "it hears a run to its end", "evaluation_done returned False; return a text"),
        (Beginner, "it hears that a run is stopped, and of the rest when it goes on", "FileExists"),
    ],
)
def test_a_mistake_is_found_and_told(callback: Any, check: str, told: str) -> None:
    assert told in mistakes(callback)[check]
    with pytest.raises(ConformanceError, match="of 3 checks"):
        check_callback(callback)
