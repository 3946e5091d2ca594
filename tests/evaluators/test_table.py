from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.api import prepare
from evo_nas.cli import app as cli
from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError, SpaceError
from evo_nas.search.settings import DIGITS
from evo_nas.space.space import Genome
from tests.kit.spaces import TinySpace
from tests.kit.tinyspace import tiny_context

HEADER = "kernel,width,flops,params,accuracy.0,accuracy.1\n"


class Known(TinySpace):
    """A space of somebody else that knows results."""

    def metrics(self, genome: Any, repeat: int | None = None) -> dict[str, float]:
        return {"accuracy": sum(genome) / 100 + (repeat or 0)}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """16 networks; the best by the second repeat is not the best in truth."""
    lines = [
        f"{k},{w},{10 * k + w},{k},{(k * w % 7) / 10},{(k + w) / 10}\n"
        for k in (1, 2, 3, 4)
        for w in (1, 2, 3, 4)
    ]
    path = tmp_path / "bench.csv"
    path.write_text(HEADER + "".join(lines))
    return path


def opened(space: Any, folder: Path, spec: str = "table") -> Any:
    evaluator = registry.load("evaluator", spec)
    evaluator.open(space, tiny_context(folder))
    return evaluator


def test_the_truth_is_read_or_one_repeat(table: Path, tmp_path: Path) -> None:
    space = registry.load("space", f"table?file={table}")
    genome: Genome = (1, 2)  # kernel 2, width 3
    truth = opened(space, tmp_path).evaluate(genome)
    assert truth["accuracy"] == pytest.approx((0.6 + 0.5) / 2)
    assert truth["standard_error"] == pytest.approx(0.05)
    assert opened(space, tmp_path, "table?repeat=1").evaluate(genome) == {"accuracy": 0.5}


def test_a_stage_is_looked_up_in_the_space_that_it_is_of(tmp_path: Path) -> None:
    space = Known(2)
    stage = space.stage(0)
    evaluator = opened(stage, tmp_path)
    assert evaluator.evaluate((1, 1)) == space.metrics(stage.lift((1, 1)))


def test_what_has_no_results_is_refused_before_anything_is_begun(
    table: Path, tmp_path: Path
) -> None:
    with pytest.raises(SpaceError, match="space tiny has no table of results"):
        prepare("tests.kit.plugins:Tiny", "1K", evaluator="table")
    with pytest.raises(SpaceError, match="no repeat 2 of the accuracy: there are 2"):
        run(table, tmp_path / "run", evaluator="table?repeat=2")
    with pytest.raises(SpaceError, match="no repeat 5 of the accuracy: there are 2"):
        run(table, tmp_path / "run", retrainer="table?repeat=5")
    assert not (tmp_path / "run").exists()


def run(table: Path, folder: Path, **options: Any) -> Any:
    options = {"evaluator": "table", "strategy": "random_search", "samples": 16} | options
    return evo_nas.run(f"table?file={table}", "1K", run_dir=folder, **options)


def test_a_run_needs_no_images_and_confirms_by_the_truth(table: Path, tmp_path: Path) -> None:
    result = run(table, tmp_path / "run", evaluator="table?repeat=1", finalists=16)
    space = registry.load("space", f"table?file={table}")
    truth = {(k, w): space.metrics((k, w))["accuracy"] for k in range(4) for w in range(4)}
    best = max(truth, key=lambda genome: truth[genome])
    assert result.best is not None
    assert tuple(result.best["genome"]) == best != (3, 3)
    measured = result.best["measured"]
    assert (measured["by"], measured["data"]) == ("table", "none")
    assert measured["accuracy"] == truth[best]
    assert measured["standard_error"] > 0
    assert not any("validation" in name or name == "geometry" for name in measured)
    assert repr(result).endswith(f"accuracy {truth[best]:.4f} by table>")
    assert result.config.data == "none"
    assert not (tmp_path / "run" / "best.safetensors").exists()


def test_images_are_asked_for_only_where_something_looks_at_them(table: Path) -> None:
    spec = f"table?file={table}"
    assert prepare(spec, "1K", evaluator="table", data="none").config.data == "none"
    with pytest.raises(SettingsError, match="no evaluator of this run needs images; leave data"):
        prepare(spec, "1K", evaluator="table", data="digits")
    with pytest.raises(SettingsError, match="no geometry to choose"):
        prepare(spec, "1K", evaluator="table", geometry="target")
    with pytest.raises(SettingsError, match="evaluator train needs images"):
        prepare(spec, "1K", evaluator="table", retrainer="train", data="none")
    with pytest.raises(SpaceError, match="use --evaluator table"):
        prepare(spec, "1K", strategy="spos")
    tiny = prepare("tests.kit.plugins:Tiny", "1K", evaluator="tests.kit.plugins:Score")
    assert (tiny.config.data, tiny.config.retrainer) == (DIGITS, "train")


def test_what_is_shown_of_a_run_by_a_table_is_true(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    arguments = ["run", "--space", f"table?file={table.name}", "--evaluator", "table"]
    monkeypatch.setattr(sys, "argv", ["evo-nas", *arguments, "--flops", "42", "--finalists", "2"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    for said in (
        "FLOPs are counted by the table",
        "scores come from evaluator table; finalists: table",
        "images none are needed",
        "level 0 16 14 87.5%",
        "3 parameters, 34 FLOPs (3, 34) by the table",
        "measured by table accuracy 0.6000 ± 0.1000 (standard error)",
        "in all",
    ):
        assert said in shown, shown
    for untrue in ("target", "proxy", "epochs", "retrained", "validation", "training"):
        assert untrue not in shown, shown
