import io
import json

import pytest
from rich.console import Console

import evo_nas
from evo_nas.analysis.comparison.file import measures_times
from evo_nas.cli.views.plan import plan_view
from evo_nas.cli.views.result import result_view
from evo_nas.core.devices import device_name
from evo_nas.core.plugins import registry
from evo_nas.results.page.run import write_report
from tests.kit.levels import HERE

LATENCY = "latency?batch=2%26repeats=3%26warmup=0"
CASCADE = f"cascade?levels={LATENCY};zero_cost?scores=params&reference=4&shares=0.5"
TOGETHER = f"together?first=zero_cost?scores=params%26reference=4&second={LATENCY}"
UNDER = "at the target geometry, in batches of 2"


@pytest.mark.parametrize("spec", [CASCADE, TOGETHER, f"cascade?levels=table;{HERE}:Better"])
def test_what_one_of_them_is_measured_under_is_told_of_all(spec):
    evaluator, times = registry.load("evaluator", spec), "latency" in spec
    assert evaluator.conditions == (UNDER if times else "")
    assert evaluator.repeatable != times
    assert measures_times({"evaluator": spec}) == times
    nested = registry.load("evaluator", f"together?first={HERE}:Better&second=latency")
    assert nested.conditions == "at the target geometry, in batches of 1"


def text(view):
    console = Console(record=True, width=300, file=io.StringIO())
    console.print(view)
    return console.export_text()


def prepared_with(spec, folder):
    return evo_nas.prepare(
        "tests.kit.plugins:Tiny?blocks=3", "100..400", strategy="random_search", samples=4,
        population=2, finalists=1, evaluator=spec, retrainer="tests.kit.plugins:Lookup", jobs=1,
        device="cpu", run_dir=folder / "run",
    )  # fmt: skip


@pytest.mark.parametrize("spec", [CASCADE, TOGETHER])
def test_the_plan_says_it(spec, tmp_path):
    told = f"({UNDER}, on cpu ({device_name('cpu')})); finalists: tests.kit.plugins:Lookup"
    assert told in text(plan_view(prepared_with(spec, tmp_path)))


def test_what_is_kept_of_the_run_says_it(tmp_path):
    conditions = f"{UNDER}, on cpu ({device_name('cpu')})"
    prepared = prepared_with(TOGETHER, tmp_path)
    result = prepared.start()
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    assert best["measured_under"] == {prepared.config.evaluator: conditions}
    shown = " ".join(text(result_view(result)).split())
    assert f"scores measured {conditions}" in shown
    assert "finalists measured" not in shown
    write_report(result)
    assert conditions in (tmp_path / "run" / "report.html").read_text()


def test_evaluators_that_tell_nothing_leave_nothing_to_keep(tmp_path):
    result = evo_nas.run(
        "tests.kit.plugins:Tiny?blocks=3", "100..400", strategy="random", samples=2, finalists=1,
        evaluator=CASCADE, retrainer="tests.kit.plugins:Lookup", jobs=1, run_dir=tmp_path / "run",
    )  # fmt: skip
    assert "measured_under" not in result.best, "no candidate was scored"
