"""Whole runs within several limits."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import evo_nas
from evo_nas.api import prepare
from evo_nas.cli.views.plan import plan_view
from evo_nas.core.devices import device_name
from evo_nas.errors import BudgetError, DataError, EvaluatorError, EvoNasError, RunError
from evo_nas.evaluation.evaluator import EvaluationContext
from evo_nas.evaluation.score_cache import ScoreCache
from evo_nas.results.facts import best_facts
from evo_nas.results.page.repeat import command
from evo_nas.results.result import Result
from evo_nas.sampling.limits import parse_limit
from evo_nas.search.config import Config
from evo_nas.search.loop import Loop
from evo_nas.space.space import Genome, Space
from tests.kit import runs
from tests.kit.plugins import Score, Tiny
from tests.kit.runs import SMALL, SPACE, Listener, outcome
from tests.kit.spaces import shallow_toml

CLOCK = "tests.kit.plugins:Clock"
STRATEGIES = [
    "spos", "regularized?population=5&sample=2", "random_search", "random", "largest",
    "distribution",
]  # fmt: skip


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares are estimated from few draws, and the space is too large to be listed."""
    monkeypatch.setattr("evo_nas.sampling.several._ESTIMATED", 100)
    monkeypatch.setattr("evo_nas.sampling.several._ESTIMATED_COSTLY", 20)
    monkeypatch.setattr("evo_nas.sampling.listed._MOST_LISTED", 1)


def run(folder: Path, **changes: Any) -> Result:
    return runs.run(folder, **{"samples": 12, "flops": None, **changes})


@pytest.mark.parametrize(
    "strategy",
    [
        "hierarchical", "nsga2", "surrogate",
        *(pytest.param(each, marks=pytest.mark.slow) for each in STRATEGIES),
    ],
)  # fmt: skip
def test_no_strategy_leaves_any_limit(strategy: str, tmp_path: Path) -> None:
    result = run(
        tmp_path / "run", strategy=strategy, flops="150..400", params="12..30",
        limits=[f"{CLOCK}<=19"], finalists=1 if strategy == "largest" else 3,
    )  # fmt: skip
    last = result.stages[-1]
    values = ScoreCache(tmp_path / "run" / "limits.sqlite", CLOCK)
    every = [*result.of(last, "search"), *result.of(last, "finalists")]
    assert every
    for e in every:
        assert 150 <= e.flops <= 400
        assert 12 <= e.params <= 30
        assert values.get([e.genome])[e.genome]["latency"] <= 19
    assert result.best is not None
    assert result.best["limits"]["12<=params<=30"] == result.best["target"]["params"]
    assert result.best["limits"][f"{CLOCK}<=19"] <= 19


def test_how_limits_are_met_is_told_of_each_stage(tmp_path: Path) -> None:
    options: dict[str, Any] = {"flops": "150..400", "params": "12..30", **SMALL, "samples": 12}
    prepared = prepare(SPACE, run_dir=tmp_path / "run", **options)
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(plan_view(prepared))
    plan = console.export_text()
    assert re.search(r"limits in stage1 +150<=flops<=400: ", plan)
    assert re.search(r"limits in stage2 +the same; how each is met follows from what is", plan)
    listener = Listener()
    prepared.start(listener)
    told = [line for line in listener.heard if "<=params<=" in line]
    assert [line.partition(": ")[0] for line in told] == ["stage2"]
    single = prepare(SPACE, strategy="random_search", run_dir=tmp_path / "other", **options)
    console.print(plan_view(single))
    assert re.search(r"\nlimits +150<=flops<=400", console.export_text())


@pytest.mark.parametrize(
    "calls",
    [pytest.param(3, marks=pytest.mark.slow), 15, pytest.param(20, marks=pytest.mark.slow)],
)
def test_a_resumed_run_goes_by_what_was_measured(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"flops": "150..400", "limits": [f"{CLOCK}<=18"]}
    whole = run(tmp_path / "whole", **options)
    left, evaluate = calls, Score.evaluate

    def interrupted(self: Score, genome: Genome) -> Mapping[str, float]:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return evaluate(self, genome)

    monkeypatch.setattr(Score, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", **options)
    resumed = evo_nas.resume(tmp_path / "stopped")
    assert outcome(resumed) == outcome(whole)


def test_a_measured_value_that_is_damaged_ends_a_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"

    def stopped(self: Loop, *_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(Loop, "_finish", stopped)
        run(folder, flops="150..400", limits=[f"{CLOCK}<=18"])
    with contextlib.closing(sqlite3.connect(folder / "limits.sqlite")) as values, values:
        values.execute("""UPDATE scores SET metrics = '{"latency": 1.0}' WHERE genome =
            (SELECT max(genome) FROM scores)""")
    with pytest.raises(RunError, match=r"limits\.sqlite is damaged \(1 of \d+ rows .* new run"):
        evo_nas.resume(folder)


def test_the_configuration_keeps_limits_and_the_command_repeats_them(tmp_path: Path) -> None:
    options = {"params": "12..30", "limits": [f"{CLOCK}<=19", "params>=13"]}
    result = run(tmp_path / "run", strategy="random_search", **options)
    config = Config.read(tmp_path / "run" / "config.toml")
    assert config == result.config
    assert config.flops == "unlimited"
    assert config.limits == ("13<=params<=30", f"{CLOCK}<=19")
    again = command(config, Tiny(4))
    assert "--limit '13<=params<=30'" in again
    assert f"--limit '{CLOCK}<=19'" in again
    assert "--flops unlimited" in again
    assert result.best is not None
    told = dict(best_facts(result.best, result.config, result.facts))
    assert told["13<=params<=30"].endswith("parameters")
    assert "looked at within the exact limit" in told["stage1 draws"]
    assert (tmp_path / "run" / "report.html").read_text().count("13&lt;=params&lt;=30") >= 1


def test_only_without_any_limit_are_flops_limited_by_default() -> None:
    def flops(**given: Any) -> str:
        return prepare(SPACE, **{**SMALL, **given}).config.flops

    assert flops() == "1.4G"
    assert flops(params="30") == "unlimited"
    assert flops(limits=["flops<=300", "params<=30"]) == "300"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"limits": ["parms<=30"]}, "unknown metric 'parms'; did you mean params"),
        ({"params": "six"}, "'six' is no value"),
        ({"flops": "300", "limits": ["flops>=400"]}, "contradict"),
        ({"params": "1"}, "no network of tiny meets 1 parameters; the nearest reachable is"),
        ({"flops": "150", "params": "40..60"}, "it needs at least"),
        ({"limits": ["tests.kit.plugins:Clok<=3"]}, "Clok"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_before_the_run(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvoNasError) as caught:
        prepare(SPACE, **{**SMALL, **given})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_measured_limit_that_nothing_meets_is_told(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="widen a limit"):
        run(tmp_path / "run", strategy="random_search", limits=[f"{CLOCK}<=3"])


def test_another_metric_of_an_evaluator_is_named_after_its_spec(tmp_path: Path) -> None:
    result = run(tmp_path / "run", strategy="random_search", limits=[f"{CLOCK}#spread<=1"])
    assert result.best is not None
    assert result.best["limits"] == {f"{CLOCK}#spread<=1": 0.5}
    assert parse_limit(f"{CLOCK}#spread<=1").spec == CLOCK
    with pytest.raises(EvoNasError, match="has no metric 'sprad'; it has latency, spread"):
        run(tmp_path / "other", strategy="random_search", limits=[f"{CLOCK}#sprad<=1"])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("opening", r"Stuck could not be opened: KeyError: 'driver' \(test_limits\.py, line"),
        ("data", "the images are gone"),
    ],
)
def test_what_fails_about_no_network_stops_the_run(fault: str, said: str, tmp_path: Path) -> None:
    limit = f"tests.runs.test_limits:Stuck?fault={fault}<=1"
    with pytest.raises(EvoNasError, match=said):
        run(tmp_path / "run", strategy="random_search", limits=[limit])


HANGS_ONCE = """
import time
from pathlib import Path

def slow(options):
    mark = Path(__file__).with_name("mark")
    if not mark.exists():
        mark.touch()
        time.sleep(600)
    return 0.5
"""


@pytest.mark.slow
def test_a_network_over_which_measuring_hangs_meets_no_limit_and_stops_nothing(
    tmp_path: Path,
) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(HANGS_ONCE)
    result = run(
        tmp_path / "run", strategy="random_search", samples=4, jobs=1, time_limit=1,
        limits=[f"python?function={mine}:slow<=1"],
    )  # fmt: skip
    assert result.best is not None
    told = "a network could not be measured by python?function=mine.py:slow: no result within 1 s"
    assert result.notes["limits"] == [told], "it is known afterwards, too"


def test_where_nothing_can_be_measured_the_run_says_why_and_ends(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("def broken(options):\n    raise OSError('no such meter')\n")
    limits = [f"python?function={mine}:broken<=1"]
    said = r"none of the first 10 networks .*broken raised OSError"
    with pytest.raises(EvaluatorError, match=said):
        run(tmp_path / "run", strategy="random_search", jobs=1, limits=limits)
    with pytest.raises(EvaluatorError, match=said):
        evo_nas.resume(tmp_path / "run")


LATENCY = "latency?repeats=3&warmup=0"


def test_a_limit_on_latency_is_one_of_the_network_that_is_delivered(tmp_path: Path) -> None:
    toml = tmp_path / "shallow.toml"
    toml.write_text(shallow_toml())
    prepared = prepare(
        str(toml), run_dir=tmp_path / "run",
        limits=[f"{LATENCY}<=1s"], **{**SMALL, "strategy": "random_search", "samples": 4},
    )  # fmt: skip
    target = prepared.plan.space.target
    assert prepared.config.geometry != target, "scores are those of the proxy"
    conditions = f"at the target geometry, in batches of 1, on cpu ({device_name('cpu')})"
    console = Console(record=True, width=250, file=io.StringIO())
    console.print(plan_view(prepared))
    assert f"as it is drawn, {conditions}" in console.export_text()
    result = prepared.start()
    (record,) = (tmp_path / "run" / "checkpoints" / "limits").glob("*/latency.json")
    assert json.loads(record.read_text())["geometry"] == str(target)
    assert result.best is not None
    assert result.best["measured_under"] == {f"{LATENCY}<=1000ms": conditions}
    told = dict(best_facts(result.best, result.config, {}))
    assert told[f"{LATENCY}<=1000ms"].endswith(f"measured {conditions}")


class Stuck(Score):
    """An evaluator for limits that cannot measure anything."""

    needs_data = False

    def open(self, space: Space, context: EvaluationContext) -> None:
        if self.fault == "opening":
            raise KeyError("driver")

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        raise DataError("the images are gone")
