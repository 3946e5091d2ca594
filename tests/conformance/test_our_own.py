"""The conformance kit on everything that ships: every plug-in keeps its contract."""

from __future__ import annotations

import csv
import itertools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import Objective
from evo_nas.testing import Check, evaluator_checks, space_checks, strategy_checks
from evo_nas.testing.small_space import SmallSpace
from tests.kit.loading import AUTOFORMER_TOML, GLIT_TOML, made_up_macro, put_in_place

# How many genomes are built. With 1, only the first choice of each kind is changed: windows of the
# last block of glit_local_attention decide nothing, as its class token is in none of them.
SPACES = {
    "autoformer_tiny": 4, "glit_conv2d": 2, "glit_fixed": 4, "glit_hl": 3,
    "glit_local_attention": 1, "mobilenet": 2, "nlp_nas": 2,
}  # fmt: skip
LARGE = ["autoformer_base", "autoformer_small", "glit_hl_base", "glit_hl_small"]
SLOW = [*LARGE, "autoformer_tiny", "glit_conv2d", "glit_local_attention", "mobilenet", "nlp_nas"]
WITH_FILES = ["nas_bench_macro", "table", "timm", "toml_space"]  # tested with those, below
OF_OTHERS = ["scaled"]  # tests/spaces/test_scaled.py
OPTIONS = {
    "cascade": "?levels=zero_cost?scores=params%26reference=8;train",
    "command": registry.with_option(
        "", "program", shlex.join([sys.executable, "-c", "print('{\"accuracy\": 0.5}')"])
    ),
    "python": registry.with_option("", "function", f"{Path(__file__)}:depth"),
    "together": "?first=table&second=zero_cost?scores=params%26reference=8",
    "zero_cost": "?reference=8",
}
STRATEGIES = {
    "ehvi": "?first=10&batch=5&pool=30",
    "given": "?genome=0,0,0,0,0,0,0,0",
    "regularized": "?population=10&sample=4",
    "surrogate": "?first=10&batch=5&pool=30",
}


def depth(options: dict[str, Any]) -> float:
    """A score for the evaluator `python`."""
    return sum(value != "skip" for name, value in options.items() if name.endswith("kind")) / 4


def cases(named: dict[str, Sequence[Check]]) -> list[Any]:
    """Each check of each plug-in as a test; what takes seconds is slow."""
    return [
        pytest.param(
            check,
            id=f"{name}-{check}",
            marks=pytest.mark.slow if name in SLOW or "another process" in check.name else (),
        )
        for name, checks in named.items()
        for check in checks
    ]


@pytest.mark.parametrize(
    "check",
    cases({name: space_checks(name, SPACES.get(name, 1)) for name in sorted([*SPACES, *LARGE])}),
)
def test_spaces(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    cases({n: evaluator_checks(n + OPTIONS.get(n, "")) for n in registry.names("evaluator")}),
)
def test_evaluators(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    cases({n: strategy_checks(n + STRATEGIES.get(n, "")) for n in registry.names("strategy")}),
)
def test_strategies(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", [
    check
    for spec in ("nsga2?against=latency", "ehvi?first=10&batch=5&pool=30&against=flops,latency")
    for check in strategy_checks(
        spec, objectives=(Objective("accuracy"), Objective("latency", maximise=False))
    )
], ids=str)  # fmt: skip
def test_several_objectives(check: Check) -> None:
    check()


def test_every_space_that_is_installed_is_tested() -> None:
    assert {*SPACES, *LARGE, *WITH_FILES, *OF_OTHERS} == set(registry.names("space"))


@pytest.mark.parametrize("check", space_checks(SmallSpace), ids=str)
def test_the_space_that_others_are_tried_on(check: Check) -> None:
    check()


def passed(spec: str) -> set[str]:
    """Check a space but for the other process; the names of what was not skipped."""
    found = [c.outcome() for c in space_checks(spec) if "another process" not in c.name]
    assert [outcome for outcome in found if outcome.status == "failed"] == []
    return {outcome.name for outcome in found if outcome.status == "passed"}


@pytest.mark.parametrize("text", [GLIT_TOML, AUTOFORMER_TOML])
def test_spaces_of_toml_files(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    assert "a path of the supernet is the stand-alone network" in passed(str(file))


def test_tables(tmp_path: Path) -> None:
    macro = made_up_macro(tmp_path / "macro.json")
    assert "slot costs add up" in passed(f"nas_bench_macro?file={macro}")
    rows = [
        {"kernel": k, "width": w, "flops": 100 * k * w, "accuracy": (k + w) / 20}
        for k, w in itertools.product((3, 5, 7), (1, 2, 4))
    ]
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert "a budget in the middle can be met" in passed(f"table?file={tmp_path / 'mine.csv'}")


def test_a_network_of_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place(monkeypatch)
    assert "networks classify images at the target" in passed("timm?model=small")
