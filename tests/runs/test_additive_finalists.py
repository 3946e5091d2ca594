"""A run whose finalists an additive model chooses: kept, told, and the same when it is resumed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import evo_nas
from evo_nas.cli.views.result import result_document, result_view
from evo_nas.results.page.run import run_page
from evo_nas.results.result import Result, load_result
from evo_nas.strategies.additive import MODEL, OPTIMUM
from tests.kit.runs import Interruption, outcome, run, stop_after

CHANGES = {
    "strategy": "hierarchical?finalists=additive",
    "evaluator": "tests.kit.plugins:Noisy?noise=0.05",
}
TAU = "Kendall's tau, additive model on unseen scores"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("additive") / "run", **CHANGES)


def test_both_stages_say_who_chose_their_finalists_and_how_well_the_model_predicts(
    finished: Result,
) -> None:
    for stage in ("stage1", "stage2"):
        origins = [e.origin for e in finished.of(stage, "finalists")]
        assert origins == [MODEL, MODEL, OPTIMUM]
        assert -1 <= float(finished.findings(stage)[TAU]) <= 1
        optimum = finished.of(stage, "finalists")[-1].genome
        assert finished.space.check(optimum) == optimum
    flops = [e.flops for e in finished.of("stage2", "finalists")]
    assert all(250 <= each <= 400 for each in flops)


def test_files_page_and_terminal_tell_it(finished: Result) -> None:
    chosen = {
        json.loads(path.read_text())["run"]["chosen_by"]
        for path in (finished.folder / "finalists").glob("*.json")
    }
    assert chosen == {MODEL, OPTIMUM}
    assert finished.best is not None
    assert finished.best["run"]["chosen_by"] in chosen
    document = result_document(finished)["stages"]["stage2"]
    assert document["findings"] == finished.findings("stage2")
    assert [each["chosen_by"] for each in document["finalists"]] == [MODEL, MODEL, OPTIMUM]
    page = run_page(finished, finished.space)
    for told in (MODEL, OPTIMUM, "place by score", "additive model on unseen scores"):
        assert told in page
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(result_view(finished))
    shown = console.export_text()
    assert "chosen by" in shown
    assert f"stage1: {TAU}" in shown


@pytest.mark.parametrize("evaluations", [10, 24, 26])  # amid a search, at its end, amid finalists
def test_a_stopped_run_comes_to_the_same_end(
    finished: Result, evaluations: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(evaluations, patch)
        with pytest.raises(Interruption):
            run(tmp_path / "run", **CHANGES)
    resumed = evo_nas.resume(tmp_path / "run")
    assert outcome(resumed) == outcome(finished)
    assert resumed.facts["findings"] == finished.facts["findings"]
    assert load_result(tmp_path / "run").findings("stage1") == finished.findings("stage1")


def test_without_it_nothing_of_it_is_told(tmp_path: Path) -> None:
    plain = run(tmp_path / "run", strategy="spos", evaluator=CHANGES["evaluator"])
    assert plain.facts["findings"] is None
    assert plain.best is not None
    assert "chosen_by" not in plain.best["run"]
    assert "chosen by" not in run_page(plain, plain.space)
