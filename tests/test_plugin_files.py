"""Plug-ins in files that are edited while Python goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas import plugin_files, registry
from evo_nas.errors import SpecError

from .test_working import at_work

SCORE = "def score(options):\n    return {value}\n"


def written(folder: Path, value: float) -> str:
    path = folder / "mine.py"
    path.write_text(SCORE.format(value=value))
    return f"python?function={path}:score"


def scores(spec: str, folder: Path, **changes: Any) -> set[float]:
    result = evo_nas.run(
        "tests.plugins:Tiny?blocks=2", "100..400", strategy="random_search", samples=2,
        population=2, finalists=1, evaluator=spec, retrainer=spec, run_dir=folder, **changes,
    )  # fmt: skip
    return {evaluation.metrics["accuracy"] for evaluation in result.evaluations}


def test_an_edited_file_counts_from_the_next_run_on(tmp_path: Path) -> None:
    # Of the same length and in the same second: neither size nor time tells them apart.
    assert scores(written(tmp_path, 0.1), tmp_path / "a", jobs=1) == {0.1}
    assert scores(written(tmp_path, 0.2), tmp_path / "b", jobs=1) == {0.2}
    assert scores(written(tmp_path, 0.3), tmp_path / "c", jobs=2) == {0.3}


def test_a_run_that_goes_on_keeps_what_it_began_with(tmp_path: Path) -> None:
    spec = written(tmp_path, 0.1)
    first = registry.load("evaluator", spec)
    written(tmp_path, 0.2)
    with plugin_files.steady():
        one = registry.load("evaluator", spec)
        written(tmp_path, 0.3)
        again = registry.load("evaluator", spec)
        assert again._function is one._function
    assert [each._function({}) for each in (first, one)] == [0.1, 0.2]
    assert registry.load("evaluator", spec)._function({}) == 0.3


def test_workers_that_would_begin_with_another_version_end_the_run(tmp_path: Path) -> None:
    spec = written(tmp_path, 0.1)
    with at_work(spec, tmp_path / "run", jobs=1, limit=60) as (_, workers, _):
        written(tmp_path, 0.2)
        with pytest.raises(SpecError, match=r"mine\.py was changed while a run goes on"):
            list(workers.outcomes([(0,) * 6]))
