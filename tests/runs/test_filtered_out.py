"""What a cascade stopped guides its search, and is never delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.errors import EvaluatorError
from evo_nas.results.result import Result
from tests.kit.runs import SPACE, stopped

PLUGINS = """
from evo_nas.evaluation import Evaluator, Failure
from evo_nas.strategies import Scored, flat_stage
from tests.kit.plugins import Cheapest, Lookup


class Cheap(Lookup):
    retrainer = "tests.kit.plugins:Lookup"

    def evaluate(self, genome):
        return {"accuracy": sum(self.space.lift(genome))}


class Last(Cheap):
    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = every

    def evaluate(self, genome):
        total = sum(self.space.lift(genome))
        if total % self.every == 0:
            raise RuntimeError("out of memory")
        return {"accuracy": total}


class Spoilt(Cheap):
    # Has seen better.
    seen = 0

    def evaluate(self, genome):
        self.seen += 1
        return {"accuracy": 100 if self.seen <= 8 else 1}


class Stubborn(Cheapest):
    def finalists(self, best, count):
        assert all(one.accepted for one in best)
        return super().finalists(best, count)
"""


def run(folder: Path, **changes: Any) -> Result:
    (folder / "mine.py").write_text(PLUGINS)
    given = {
        "space": SPACE, "flops": "200..400", "strategy": "spos", "samples": 24, "population": 8,
        "finalists": 3, "jobs": 1, "seed": 1,
        "evaluator": cascade(folder, "Last"), **changes,
    }  # fmt: skip
    return evo_nas.run(run_dir=folder / "run", **given)


def cascade(folder: Path, last: str, first: str = "Cheap") -> str:
    file = folder / "mine.py"
    return f"cascade?levels={file}:{first};{file}:{last}&shares=0.5&reference=8"


@pytest.mark.parametrize(
    "strategy",
    [
        "spos", "hierarchical",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("nsga2", "random_search")),
    ],
)  # fmt: skip
def test_where_the_last_level_fails_for_all_that_pass_nothing_is_delivered(
    tmp_path: Path, strategy: str
) -> None:
    said = r"of \d+ candidates failed \(and \d+ were filtered out\), .*; the last one: .*out of mem"
    with pytest.raises(EvaluatorError, match=said):
        run(tmp_path, strategy=strategy, failures=1.0)
    assert not (tmp_path / "run" / "best.json").exists()
    with pytest.raises(EvaluatorError, match=said):
        evo_nas.resume(tmp_path / "run")


def test_it_ends_as_soon_as_too_many_of_those_that_were_not_filtered_out_failed(
    tmp_path: Path,
) -> None:
    with pytest.raises(EvaluatorError, match=r"10 of 10 candidates failed \(and \d+ were filtered"):
        run(tmp_path)


@pytest.mark.parametrize("strategy", ["spos", "nsga2", "regularized", "mine.py:Stubborn"])
def test_finalists_are_those_that_passed_all(tmp_path: Path, strategy: str) -> None:
    if strategy.startswith("mine.py"):
        strategy = f"{tmp_path}/{strategy}"
    result = run(tmp_path, strategy=strategy, failures=1.0,
                 evaluator=cascade(tmp_path, "Last?every=2"))  # fmt: skip
    passed = {e.genome for e in result.of("stage1", "search") if e.metrics.get("passed") == 1}
    finalists = {e.genome for e in result.of("stage1", "finalists")}
    assert finalists <= passed
    assert 0 < len(finalists) <= 3
    assert tuple(result.best["genome"]) in passed


def test_where_all_are_filtered_out_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match="all 24 candidates were filtered out, so there is"):
        run(tmp_path, evaluator=cascade(tmp_path, "Last", "Spoilt"))


def test_a_finalist_that_a_cascade_filters_out_is_not_delivered(tmp_path: Path) -> None:
    both = cascade(tmp_path, "Last?every=2")
    result = run(tmp_path, evaluator="tests.kit.plugins:Lookup", retrainer=both, failures=1.0)
    best = next(
        e for e in result.of("stage1", "finalists") if e.genome == tuple(result.best["genome"])
    )
    assert best.metrics["passed"] == 1


def test_a_limit_is_not_met_by_what_was_filtered_out(tmp_path: Path) -> None:
    limit = f"{cascade(tmp_path, 'Last?every=100')}<=99"
    score, space = "tests.kit.plugins:Lookup", "tests.kit.plugins:Tiny?blocks=2"
    result = run(tmp_path, evaluator=score, retrainer=score, space=space, flops="100..400",
                 limits=[limit], samples=4)  # fmt: skip
    (value,) = (v for name, v in result.best["limits"].items() if "cascade" in name)
    assert value > 0


def test_a_stopped_run_goes_the_same_way(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    spec = "Last?every=2"
    whole = run(tmp_path / "one", failures=1.0, evaluator=cascade(tmp_path / "one", spec))
    stopped(9, run, tmp_path / "other", failures=1.0, evaluator=cascade(tmp_path / "other", spec))
    resumed = evo_nas.resume(tmp_path / "other" / "run")
    assert [e.genome for e in resumed.evaluations] == [e.genome for e in whole.evaluations]
    assert resumed.best["genome"] == whole.best["genome"]
