"""Comparisons on the small test space: what is run, what it costs, and what is said about it."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

import evo_nas
from evo_nas.analysis.comparison import file as comparison
from evo_nas.analysis.comparison.file import Comparison
from evo_nas.analysis.comparison.protocol import (
    finished_runs,
    make_runs,
    plan_comparison,
)
from evo_nas.analysis.comparison.report import Report, comparison_document, finished_report, report
from evo_nas.cli.views.comparison import comparison_plan_view, comparison_view
from evo_nas.core.files import disk_full
from evo_nas.core.plugins.trusted_code import remember
from evo_nas.core.progress import Silent
from evo_nas.errors import RunError, SettingsError, SpecError
from evo_nas.results.result import load_result
from tests.kit.runs import (
    BUDGET,
    COUNTED,
    SMALL,
    SPACE,
    STRATEGIES,
    Interruption,
    compared,
    stop_after,
)


@pytest.mark.slow
def test_the_papers_protocol_gives_every_strategy_the_same_settings(tmp_path: Path) -> None:
    found = compared(tmp_path / "c", protocol="paper", seeds=2)
    assert [row.strategy for row in found.rows] == STRATEGIES.split(",")
    evaluations = {row.strategy: row.mean("cost") for row in found.rows}
    assert evaluations == {"hierarchical": 54, "spos": 27, "random": 3, "largest": 1}
    for row in found.rows:
        assert [outcome.seed for outcome in row.outcomes] == [0, 1]
        for outcome in row.outcomes:
            assert 250 <= outcome.flops <= 400
            result = load_result(Path(outcome.folder))
            assert result.config.seed == outcome.seed
            assert result.best is not None
            assert outcome.accuracy == result.best["measured"]["test_accuracy"]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A comparison in which images are counted."""
    return compared(tmp_path_factory.mktemp("comparisons") / "c", seeds=2, **COUNTED)


TABLE: dict[str, Any] = {
    "evaluator": "tests.kit.plugins:Lookup", "retrainer": "tests.kit.plugins:Lookup", "data": None
}  # fmt: skip


def on_table(folder: Path, seeds: int = 3) -> Report:
    return compared(folder, "spos,random", protocol="paper", seeds=seeds, **TABLE)


def test_at_equal_cost_the_same_images_are_seen(counted: Report) -> None:
    assert counted.unit == "image passes"
    rows = {row.strategy: row for row in counted.of("equal")}
    reference = rows["hierarchical"].mean("cost")
    # Training of the weights, then candidates at 10 and finalists at 900 + 50 passes each.
    assert reference == 2 * (3 * 1000 + 24 * 10 + 3 * 950)
    assert rows["hierarchical"].outcomes[0].folder == counted.of("paper")[0].outcomes[0].folder
    for name in ("spos", "random"):
        spent = rows[name].mean("cost")
        assert 0.9 * reference <= spent <= 1.01 * reference, name
    more = load_result(Path(rows["spos"].outcomes[0].folder))
    assert len(more.of("stage1", "search")) > 24
    assert len(more.of("stage1", "finalists")) > 3
    # There is one largest network: nothing to spend more on.
    assert rows["largest"].mean("cost") == 950
    assert rows["largest"].outcomes[0].folder.endswith("paper/largest-0")


@pytest.mark.slow
def test_without_images_evaluations_are_the_cost(tmp_path: Path) -> None:
    found = compared(tmp_path / "c", strategies="spos,random_search,random", **TABLE)
    assert found.unit == "evaluations"
    equal = {row.strategy: row.mean("cost") for row in found.of("equal")}
    assert equal == {"spos": 27, "random_search": 27, "random": 27}
    paper = {row.strategy: row.mean("cost") for row in found.of("paper")}
    assert paper["random"] == 3


def test_curves_show_the_best_so_far_over_what_was_spent(counted: Report) -> None:
    for outcome in (outcome for row in counted.rows for outcome in row.outcomes):
        spent, best = ([point[i] for point in outcome.curve] for i in (0, 1))
        assert spent == sorted(spent)
        assert best == sorted(best)
        assert spent[-1] <= outcome.cost
    for protocol in ("paper", "equal"):
        ElementTree.fromstring(counted.picture(protocol).read_text())


@pytest.mark.slow
def test_a_stopped_comparison_goes_on_where_it_was(counted: Report, tmp_path: Path) -> None:
    def numbers(found: Report) -> list[Any]:
        return [[(o.seed, o.flops, o.accuracy, o.cost) for o in row.outcomes] for row in found.rows]

    folder = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(70, patch)
        with pytest.raises(Interruption):
            compared(folder, seeds=2, **COUNTED)
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("*/*/best.json")}
    assert finished
    with pytest.raises(RunError, match="is not finished; evo-nas resume"):
        finished_runs(folder)
    assert numbers(report(folder, make_runs(folder, Silent()))) == numbers(counted)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert numbers(finished_report(folder)) == numbers(counted)


@pytest.mark.slow
def test_any_number_of_runs_at_once_gives_the_same(tmp_path: Path) -> None:
    def accuracies(jobs: int) -> list[list[float]]:
        found = compared(tmp_path / str(jobs), seeds=2, jobs=jobs, protocol="paper", **COUNTED)
        return [row.accuracies for row in found.rows]

    assert accuracies(1) == accuracies(2)


@pytest.mark.parametrize(
    ("timed", "at_once"),
    [
        ({"latency": "1s"}, "1; times are measured"),
        ({"limits": ["latency?batch=2#latency_iqr<=1"]}, "1; times are measured"),
        (
            {"evaluator": "together?first=tests.kit.plugins:Score&second=latency"},
            "1; times are meas",
        ),
        ({"limits": ["params<=60", "tests.kit.plugins:Lookup<=9"]}, "4"),
    ],
)
def test_times_are_measured_by_one_run_at_a_time(
    timed: dict[str, Any], at_once: str, tmp_path: Path
) -> None:
    options = {"space": SPACE, "flops": BUDGET, "device": "cpu", **SMALL, **timed}
    planned, folder = plan_comparison(
        ["random_search"], seeds=2, jobs=4, run_dir=tmp_path / "c", **options
    )
    told = StringIO()
    Console(file=told, width=120).print(comparison_plan_view(planned, planned.check(), folder))
    assert re.search(rf"runs at once +{at_once}", told.getvalue())


def test_options_come_from_a_runs_file_but_for_what_a_comparison_decides(tmp_path: Path) -> None:
    run = evo_nas.prepare(
        space=SPACE, flops=BUDGET, strategy="spos", seed=7, jobs=1, device="cpu",
        limits=["params<=60"], **SMALL | {"samples": 12},
    )  # fmt: skip
    run.save(tmp_path / "run.toml")
    planned, folder = plan_comparison(
        ["spos", "random"], config=tmp_path / "run.toml", params="70", run_dir=tmp_path / "c"
    )
    assert planned.seeds == (0, 1, 2, 3, 4)
    assert planned.options["samples"] == 12
    assert sorted(planned.options["limits"]) == []
    prepared = planned.check()
    assert {each.config.strategy for each in prepared} == {"spos", "random"}
    assert not planned.options.keys() & {"strategy", "seed", "jobs"}
    assert not folder.exists()


@pytest.mark.slow
def test_with_few_seeds_nothing_is_called_significant(tmp_path: Path) -> None:
    few = on_table(tmp_path / "few")
    assert not any(each.estimate.excludes_zero for each in few.differences)
    assert "3 seeds are too few" in shown(few)
    many = on_table(tmp_path / "many", seeds=12)
    (difference,) = many.differences
    assert difference.estimate.value == pytest.approx(
        many.rows[0].mean("accuracy") - many.rows[1].mean("accuracy")
    )
    assert difference.estimate.excludes_zero
    assert ", significant" in shown(many)
    document = json.loads((tmp_path / "few" / "comparison.json").read_text())
    assert document == json.loads(json.dumps(comparison_document(few)))
    assert [len(row["runs"]) for row in document["rows"]] == [3, 3]
    assert document["differences"][0]["significant"] is False


def shown(found: Report) -> str:
    told = StringIO()
    Console(file=told, width=80).print(comparison_view(found))
    assert max(map(len, told.getvalue().splitlines())) <= 80
    return " ".join(told.getvalue().split())


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"strategies": "spos,spos"}, SettingsError, "each once"),
        ({"strategies": ""}, SettingsError, "name one at least"),
        ({"jobs": 0}, SettingsError, "jobs is 0"),
        ({"strategies": "hierarchical,sposs"}, SpecError, "did you mean spos"),
        ({"protocol": "fair"}, SettingsError, "paper, equal, or both"),
        ({"seeds": 0}, SettingsError, "seeds is 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_made(
    given: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        compared(tmp_path / "c", **given)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_comparison_is_named(tmp_path: Path) -> None:
    (tmp_path / "comparison.toml").write_text("strategies = 3")
    with pytest.raises(RunError, match=r"comparison.toml: strategies = 3 must be a list"):
        Comparison.read(tmp_path)


def test_further_limits_are_options_like_others(tmp_path: Path) -> None:
    for number, limits in enumerate(([], ["params<=30"])):
        folder = tmp_path / str(number)
        options = {"space": SPACE, "flops": BUDGET, "limits": limits}
        Comparison(("spos",), (0,), ("paper",), 1, options).save(folder)
        assert Comparison.read(folder).options["limits"] == limits
    path = tmp_path / "0" / "comparison.toml"
    path.write_text(path.read_text().replace("limits = []", "limits = [3]"))
    with pytest.raises(RunError, match=r"options\.limits"):
        Comparison.read(tmp_path / "0")


def test_a_comparison_that_could_not_be_written_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _content: bytes) -> None:
        raise disk_full(path)

    planned = Comparison(("spos",), (0,), ("paper",), 1, {"space": SPACE, "flops": BUDGET})
    with monkeypatch.context() as disk:
        disk.setattr(comparison, "write_atomically", full)
        with pytest.raises(RunError, match="the disk is full"):
            planned.save(tmp_path / "c")
    assert not list(tmp_path.iterdir())
    planned.save(tmp_path / "c")
    assert Comparison.read(tmp_path / "c") == planned


MINE = """
from tests.kit.plugins import Score, Tiny

class Mine(Tiny):
    pass

class Ours(Score):
    needs_data = False
"""


def test_a_comparison_of_ones_own_plug_ins_is_resumed_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "mine.py").write_text(MINE)
    monkeypatch.chdir(here)
    planned, folder = plan_comparison(
        ["random_search"], seeds=1, protocol="paper", jobs=1, run_dir=tmp_path / "c",
        space="mine.py:Mine?blocks=3", evaluator="mine.py:Ours", retrainer="mine.py:Ours",
        limits=["mine.py:Ours#accuracy>=0.01"], samples=4, population=4, finalists=1,
    )  # fmt: skip
    planned.check()
    planned.save(folder)
    monkeypatch.chdir(tmp_path)
    (entry,) = make_runs(tmp_path / "c", Silent())
    assert entry.result.config.limits == (f"{here}/mine.py:Ours#accuracy>=0.01",)


def test_a_comparison_of_others_runs_no_code_for_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"space": SPACE, "flops": BUDGET, "limits": ["theirs.py:Evil#harm<=1"]}
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "theirs"))
    Comparison(("spos",), (0,), ("paper",), 1, options).save(tmp_path / "c")
    monkeypatch.delenv("EVO_NAS_ALLOW_CODE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "ours"))
    remember([SPACE])
    with pytest.raises(SpecError, match=r"no run of yours has used here: '/.*/theirs\.py:Evil'"):
        Comparison.read(tmp_path / "c")
