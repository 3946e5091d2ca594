"""A real search on digits, killed with SIGKILL in every phase, ends as one never killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evo_nas.result import load_result

from .test_loop import outcome

RUN = [
    "run", "--space", "glit_hl", "--flops", "1.3G..1.4G", "--quiet", "--threads", "1",
    "--data", "digits?train=192&validation=60&test=60", "--geometry", "proxy,width=12",
    "--epochs", "4", "--finalist-epochs", "4", "--samples", "24", "--population", "6",
    "--finalists", "2",
]  # fmt: skip


def begin(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "evo_nas", *arguments],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def candidates(run: Path, stage: str) -> int:
    try:
        with sqlite3.connect(f"{(run / 'run.sqlite').as_uri()}?mode=ro", uri=True) as connection:
            query = "SELECT count(*) FROM evaluations WHERE stage = ? AND phase = 'search'"
            return int(connection.execute(query, (stage,)).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def training(stage: str) -> Callable[[Path], bool]:
    return lambda run: (run / "checkpoints" / stage / "search" / "supernet.checkpoint").exists()


def searching(stage: str) -> Callable[[Path], bool]:
    return lambda run: candidates(run, stage) >= 7


def retraining(stage: str) -> Callable[[Path], bool]:
    return lambda run: any((run / "checkpoints" / stage / "finalists").glob("*.checkpoint"))


@pytest.mark.slow
def test_killed_in_every_phase_it_ends_as_if_never_killed(tmp_path: Path) -> None:
    assert begin(tmp_path, *RUN, "--run-dir", "whole").wait(600) == 0
    arguments = [*RUN, "--run-dir", "killed"]
    moments = [
        kind(stage) for stage in ("stage1", "stage2") for kind in (training, searching, retraining)
    ]
    kills = 0
    for reached in moments:
        process = begin(tmp_path, *arguments)
        while process.poll() is None and not reached(tmp_path / "killed"):
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        if (tmp_path / "killed").exists():
            arguments = ["resume", "killed", "--quiet"]
    assert kills >= 5, "the moments to kill were missed"
    assert begin(tmp_path, *arguments).wait(600) == 0
    whole, killed = load_result(tmp_path / "whole"), load_result(tmp_path / "killed")
    assert outcome(killed) == outcome(whole)
