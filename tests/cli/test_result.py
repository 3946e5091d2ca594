"""What the end of a run and ``show`` say: what was delivered, class by class, what comes next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

import evo_nas
from evo_nas.cli.views.result import result_view
from evo_nas.results.result import Result
from evo_nas.training.weights import load_weights
from tests.kit.command import command_line
from tests.kit.runs import BUDGET, SMALL, SPACE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return evo_nas.run(SPACE, BUDGET, run_dir=folder, geometry="proxy,image_size=4", **SMALL)


def render(result: Result) -> str:
    console = Console(width=200)
    with console.capture() as told:
        console.print(result_view(result))
    return told.get()


def shown(result: Result, capsys: pytest.CaptureFixture[str], columns: int = 200) -> str:
    assert command_line("show", result.folder, columns=columns) == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_delivered_network_is_told_beside_the_target(
    run: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_weights(run.folder / "best.safetensors")
    assert run.best is not None
    assert weights is not None
    parameters = sum(tensor.numel() for tensor in weights.values())
    assert run.best["measured"]["delivered"]["params"] == parameters
    text = shown(run, capsys)
    assert f"these weights {parameters:,} " in text
    assert f"at the target {run.best['target']['params']:,} " in text
    assert f"evo-nas train {run.folder} --geometry target trains it at the target" in text


def test_classes_are_told_in_short_and_whole_in_json(
    run: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.best is not None
    test, validation = run.confusions["test"], run.confusions["validation"]
    assert (sum(test.images), sum(validation.images)) == (50, 50)
    assert test.accuracy == run.best["measured"]["test_accuracy"]
    assert f"balanced accuracy {test.balanced_accuracy:.4f}; lowest recall" in shown(run, capsys)
    assert command_line("show", run.folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)["by_class"]
    assert [each["recall"] for each in told["test"]["classes"]] == list(test.recalls)
    wrong = sum(each["images"] for each in told["test"]["confused"])
    assert wrong == round(50 * (1 - test.accuracy))


def test_images_of_the_final_test_are_counted_apart(
    run: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.final.measured == 100
    assert "(100 in the final test), as much as" in shown(run, capsys)
    page = (run.folder / "report.html").read_text()
    assert "without those of the final test" in page


def test_a_run_ends_with_its_page_and_what_one_wants_next(
    run: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line("resume", run.folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5:-3] == [f"page: {run.folder / 'report.html'}", "next:"]
    assert [line.split()[1] for line in lines[-3:]] == ["export", "train", "show"]
    assert command_line("resume", run.folder, "--quiet") == 0
    assert "next:" not in capsys.readouterr().out


def test_a_run_of_before_tells_what_it_has() -> None:
    folder = Path(__file__).parents[1] / "runs" / "version_0_1_0" / "finished"
    result = evo_nas.load_result(folder)
    assert result.confusions == {}
    text = " ".join(render(result).split())
    assert "by class" not in text
    assert "these weights - - 12 wide" in text
