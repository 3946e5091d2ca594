"""Freeing what a finished run no longer needs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from evo_nas.errors import RunError
from evo_nas.results.result import load_result
from evo_nas.search.upkeep import clean
from evo_nas.training.checkpoints import save_checkpoint
from tests.kit.runs import outcome, run


def test_what_a_finished_run_needs_stays(tmp_path: Path) -> None:
    result = run(tmp_path / "run")
    checkpoints = tmp_path / "run" / "checkpoints"
    (checkpoints / "stage1" / "search").mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        save_checkpoint(checkpoints / "stage1" / "search" / "supernet.checkpoint", {"epoch": 1})
    (checkpoints / "stage1" / "search" / "supernet.safetensors").write_bytes(b"weights")
    trusted = checkpoints / "stage1" / "trust-train-repeat-2"  # of a report of trust
    trusted.mkdir()
    (trusted / "1.safetensors").write_bytes(b"weights")
    before = outcome(result)
    would = clean(tmp_path / "run", dry_run=True)
    assert all((tmp_path / "run" / path).exists() for path in would.paths)
    done = clean(tmp_path / "run")
    assert done == would
    assert done.size > 0
    assert {str(path) for path in done.paths} == {
        "checkpoints/stage1/finalists", "checkpoints/stage2/finalists",
        "checkpoints/stage1/trust-train-repeat-2",
        "checkpoints/stage1/search/supernet.checkpoint",
        "checkpoints/stage1/search/supernet.checkpoint.previous",
    }  # fmt: skip
    assert not any((tmp_path / "run" / path).exists() for path in done.paths)
    assert outcome(load_result(tmp_path / "run")) == before
    assert clean(tmp_path / "run").paths == ()
    assert clean(tmp_path / "run", shared_weights=True).paths[0].name == "search"
    assert not list(checkpoints.rglob("*.safetensors"))
    with sqlite3.connect(tmp_path / "run" / "run.sqlite") as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_an_unfinished_run_keeps_everything(tmp_path: Path) -> None:
    run(tmp_path / "run")
    (tmp_path / "run" / "best.json").unlink()
    with pytest.raises(RunError, match="not finished and needs all that it has; evo-nas resume"):
        clean(tmp_path / "run")
