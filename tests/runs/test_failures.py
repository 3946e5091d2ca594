"""Candidates that fail: recorded with a reason, the search goes on, and can be mended."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import evo_nas
from evo_nas.cli.views.result import result_document, result_view
from evo_nas.core.plugins import registry
from evo_nas.errors import ContractError, DataError, EvaluatorError, SettingsError, to_keep
from evo_nas.evaluation.evaluator import Evaluator, Failure
from evo_nas.evaluation.outcomes import outcomes
from evo_nas.results.page.run import run_page
from evo_nas.results.result import Result
from evo_nas.search.promises.failures import Failures
from tests.kit import runs
from tests.kit.plugins import Score
from tests.kit.runs import FLAT, Listener, edit, stopped, told

LOOKUP = "tests.kit.plugins:Lookup"

REASONS = {
    "raises": "RuntimeError: out of luck",
    "exits": "SystemExit: out of patience",
    "nan": "the evaluator returned accuracy = nan, no finite number",
    "key": "the evaluator returned ['precision'], without 'accuracy'",
    "word": "the evaluator returned accuracy = 'good', no finite number but of type str",
    "type": "an evaluator returns a mapping of metrics, not [1.0]",
    "failure": "said so itself",
}


PLACE = re.compile(r" \(plugins\.py, line \d+\)$")  # where it was raised


def run(folder: Path, evaluator: str = "tests.kit.plugins:Faulty", **changes: Any) -> Result:
    """A run without images."""
    options = {"retrainer": LOOKUP, "data": None, "evaluator": evaluator, **changes}
    return runs.run(folder, **options)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run of which some candidates fail, as they say."""
    folder = tmp_path_factory.mktemp("failing") / "run"
    return run(folder, "tests.kit.plugins:Faulty?fault=failure")


@pytest.mark.parametrize("fault", REASONS)
def test_the_candidate_fails_with_its_reason_and_the_search_is_that_of_any_failure(
    tmp_path: Path, fault: str, failing: Result
) -> None:
    result = run(tmp_path / "run", f"tests.kit.plugins:Faulty?fault={fault}")
    failed = [e for e in result.evaluations if e.failure is not None]
    assert failed
    assert {PLACE.sub("", e.failure or "") for e in failed} == {REASONS[fault]}
    assert {sum(e.genome) % 5 for e in failed} == {0}
    assert all(e.metrics == {} for e in failed)
    assert len(result.of("stage2", "search")) == 24
    assert told(result) == told(failing)


def test_an_evaluator_of_whole_generations_loses_only_the_guilty(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", "tests.kit.plugins:FaultyTogether")
    assert told(whole) == told(run(tmp_path / "each"))


@pytest.mark.parametrize(
    "strategy",
    [
        *(pytest.param(each, marks=pytest.mark.slow) for each in FLAT[:-2]),
        *FLAT[-2:],
        "surrogate?first=8&batch=4&pool=40&levels=true",
    ],
)
def test_every_strategy_lives_with_failures_and_resumes_to_the_same_end(
    tmp_path: Path, strategy: str
) -> None:
    faulty = {"evaluator": "tests.kit.plugins:Faulty?every=3", "strategy": strategy}
    if strategy != "largest":  # of which there is one finalist
        faulty["retrainer"] = "tests.kit.plugins:Faulty?every=4"
    whole = run(tmp_path / "whole", **faulty)
    assert whole.best is not None
    assert 250 <= whole.best["target"]["flops"] <= 400
    assert whole.stages == (("stage1", "stage2") if "levels" in strategy else ("stage1",))
    stopped(len(whole.evaluations) // 2, run, tmp_path / "run", **faulty)
    resumed = evo_nas.resume(tmp_path / "run")
    assert told(resumed) == told(whole)
    assert resumed.best == whole.best


def test_too_many_failures_stop_the_run_and_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError) as raised:
        run(tmp_path / "run", "tests.kit.plugins:Faulty?every=1")
    assert "stage1 search: 10 of 10 candidates failed, more than the share of 0.5" in str(
        raised.value
    )
    assert "the last one: RuntimeError: out of luck (plugins.py, line " in str(raised.value)
    assert "). evo-nas show" in str(raised.value)
    assert str(raised.value).endswith(f"evo-nas resume {tmp_path / 'run'} --retry-failed")
    with pytest.raises(EvaluatorError, match="10 of 10"):  # nothing has changed
        evo_nas.resume(tmp_path / "run")


def test_the_share_can_be_chosen_and_is_kept(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match=r"more than the share of 0\.1 that"):
        run(tmp_path / "strict", failures=0.1)
    assert run(tmp_path / "lenient", failures=0.9).config.failures == 0.9
    with pytest.raises(SettingsError, match=r"failures is 1\.5; it is the share"):
        run(tmp_path / "wrong", failures=1.5)


def test_a_phase_in_which_nothing_was_scored_stops_whatever_the_share(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match=r"stage1 search: 24 of 24 .* nothing to go on with"):
        run(tmp_path / "run", "tests.kit.plugins:Faulty?every=1", failures=1)
    with pytest.raises(EvaluatorError, match="stage1 finalists: 3 of 3 candidates failed"):
        run(tmp_path / "other", LOOKUP, retrainer="tests.kit.plugins:Faulty?every=1")


@pytest.mark.parametrize("finished", [True, False])
def test_a_mended_evaluator_goes_on_as_if_nothing_had_failed(
    tmp_path: Path, finished: bool
) -> None:
    whole = run(tmp_path / "whole", LOOKUP)
    folder, heard = tmp_path / "run", Listener()
    if finished:
        run(folder)
    else:
        stopped(40, run, folder)
    (folder / "checkpoints" / "stage2" / "search").mkdir(parents=True, exist_ok=True)
    edit(folder, "plugins:Faulty", "plugins:Lookup")
    stopped(0, evo_nas.resume, folder, heard, retry_failed=True)  # to look at what is left
    assert "evaluations that followed (all of stage2)" in heard.heard[0]
    assert not (folder / "best.json").exists()
    assert not (folder / "checkpoints" / "stage2").exists()
    assert told(evo_nas.resume(folder)) == told(whole)
    evo_nas.resume(folder, heard, retry_failed=True)
    assert heard.heard[-1].startswith("no candidate has failed")


def test_people_and_programs_are_told_how_many_failed_and_why(tmp_path: Path) -> None:
    listener = Listener()
    result = run(tmp_path / "run", progress=listener)
    number = len(result.failed("stage1", "search"))
    said = [line for line in listener.heard if "failed" in line]
    assert [line.partition(": ")[0] for line in said] == ["stage1 search", "stage2 search"]
    reason = result.failed("stage1", "search")[0]
    assert reason.startswith("RuntimeError: out of luck (plugins.py, line ")
    assert said[0].endswith(f" failed: {reason}")
    console = Console(record=True, width=120, file=io.StringIO())
    space = registry.load("space", result.config.space)
    console.print(result_view(result))
    shown = console.export_text()
    assert f"stage1 search: {number} of 24 candidates failed" in shown
    assert f"{number} x {reason}" in shown
    assert result_document(result)["stages"]["stage1"]["failed"] == {
        "search": {"candidates": number, "reasons": {reason: number}}
    }
    page = run_page(result, space)
    assert f"{number} of them failed and have no score" in page
    assert f"{reason} ({number})." in page


class Answers(Evaluator):
    def __init__(self, *answers: Any) -> None:
        self.answers = answers

    def evaluate(self, genome: Any) -> Any:
        raise NotImplementedError

    def evaluate_many(self, genomes: Any) -> Any:
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(0, {"accuracy": 1}), (0, {"accuracy": 1})], "candidate 0 of 2, which was not asked"),
        ([(2, {"accuracy": 1})], "candidate 2 of 2"),
        ([(0, {"accuracy": 1})], "returned 1 of 2 candidates"),
    ],
)
def test_answers_that_belong_to_no_question_are_no_candidates_fault(
    answers: list[Any], said: str
) -> None:
    with pytest.raises(ContractError, match=said):
        list(outcomes(Answers(*answers), [(0,), (1,)]))


def test_errors_that_are_about_no_candidate_are_passed_on() -> None:
    with pytest.raises(DataError):
        list(outcomes(Answers((0, {"accuracy": 1}), DataError("no such file")), [(0,), (1,)]))
    assert dict(outcomes(Answers(EvaluatorError("why")), [(0,)])) == {0: Failure("why")}


def test_what_fails_when_it_is_opened_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no licence")

    monkeypatch.setattr(Score, "open", broken)
    with pytest.raises(EvaluatorError, match="Faulty could not be opened: OSError: no licence"):
        run(tmp_path / "run")


def test_the_share_is_that_of_the_candidates_so_far_in_the_order_proposed() -> None:
    failures = Failures("search", 0.5, "Mend it.")
    failures.add(9, "the tenth")
    for number in range(8):
        failures.add(number, "why" if number < 6 else None)
    with pytest.raises(EvaluatorError, match=r"7 of 10 .*: the tenth\. Mend it\."):
        failures.add(8, None)


def test_reasons_cannot_control_a_terminal() -> None:
    assert to_keep("no\x1b]0;title\x07 luck\nat all") == "no ]0;title luck at all"
    assert to_keep("größer\u200b als 3 µs") == "größer als 3 µs"
    assert to_keep("\x1b\n") == "no reason was given"


def test_each_reason_is_said_once_and_only_a_few() -> None:
    failures = Failures("search", 0.5, "Mend it.")
    lines = [failures.line(i, f"reason {i // 2} " + "x" * 500) for i in range(40)]
    said = [line for line in lines if line]
    assert len(said) == 5
    assert all(len(line) < 200 for line in said)
    assert said[-1].endswith("further reasons are only recorded")
