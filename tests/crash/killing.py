"""A real search on digits that is killed again and again, and what must be left at its end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evo_nas.core.files import TEMPORARY
from evo_nas.results.result import load_result

# Two supernets, two searches and four retrained networks, as small as they can be.
SEARCH = (
    "run", "--space", str(Path(__file__).with_name("small.toml")), "--flops", "6M..9M",
    "--quiet", "--threads", "1",
    "--data", "digits?train=192&validation=60&test=60", "--geometry", "proxy,width=12",
    "--epochs", "3", "--finalist-epochs", "3", "--samples", "12", "--population", "4",
    "--finalists", "2",
)  # fmt: skip
_PATIENCE = 300.0  # seconds for one process
# How much a process may record before a kill, so that runs come further, and seconds after that.
_RECORDS = (0, 1, 2, 4, 8)
_LONGEST = 1.0


Process = Any  # a subprocess.Popen, or what is used of it
Begin = Callable[..., Process]


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start evo-nas in ``folder``, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "evo_nas", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: Process) -> tuple[int | None, str]:
    """The exit code of a process, and what it wrote to standard error."""
    _, errors = process.communicate(timeout=_PATIENCE)
    return process.returncode, errors


def arguments(run: Path, jobs: int = 2) -> list[str]:
    """What begins the run, or goes on with it where its folder has been made."""
    if run.is_dir():
        return ["resume", run.name, "--quiet"]
    return [*SEARCH, "--run-dir", run.name, "--jobs", str(jobs)]


def outcome(run: Path) -> dict[str, object]:
    """All that a finished run must not owe to interruptions.

    Evaluations in order with scores and parents, best.json, the finalists' files, the images that
    were counted, what was noted, and the digests of all weights.
    """
    result = load_result(run)
    evaluations = [
        [e.stage, e.phase, e.generation, e.position, e.genome, e.flops, dict(e.metrics), e.origin,
         e.parents, e.images]
        for e in result.evaluations
    ]  # fmt: skip
    weights = {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.glob("**/*.safetensors"))
    }
    finalists = {path.name: json.loads(path.read_text()) for path in run.glob("finalists/*.json")}
    return {
        "evaluations": evaluations,
        "best": result.best,
        "finalists": finalists,
        "images": result.images,
        "notes": result.notes,
        "weights": weights,
        "left over": sorted(str(p) for p in run.glob("**/*checkpoint*") if p.is_file()),
    }


def phase(run: Path) -> str:
    """What a run is at: a stage's training, search or finalists; before them, or after."""
    if not run.is_dir():
        return "before the run"
    if (run / "best.json").exists():
        return "after the run"
    try:
        with contextlib.closing(sqlite3.connect(run / "run.sqlite", timeout=10)) as connection:
            query = "SELECT stage, phase FROM evaluations ORDER BY id DESC LIMIT 1"
            last = connection.execute(query).fetchone()
            query = "SELECT 1 FROM spent WHERE stage = ? AND phase = 'training'"
            trained = {
                s for s in ("stage1", "stage2") if connection.execute(query, (s,)).fetchone()
            }
    except sqlite3.Error:
        return "before the run"
    if last is None or (last == ("stage1", "finalists") and _begun(run, "stage2")):
        stage = "stage1" if last is None else "stage2"
        return f"{stage} {'search' if stage in trained and last is None else 'training'}"
    return f"{last[0]} finalists" if _begun(run, last[0], "finalists") else f"{last[0]} search"


def _begun(run: Path, stage: str, phase: str = "search") -> bool:
    return (run / "checkpoints" / stage / phase).is_dir()


def at_work(run: Path, process: Process) -> bool:
    """Whether the process has taken the run's lock."""
    try:
        return bool(json.loads((run / "run.lock").read_text())["pid"] == process.pid)
    except (OSError, ValueError, KeyError):
        return False


@dataclass
class Killed:
    """How a run went on: kills by phase and by kind, and what was wrong, if anything."""

    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def kill_until_done(run: Path, rng: random.Random, most: int, begin: Begin) -> Killed:
    """Run ``run`` to its end, with at most ``most`` kills at random moments.

    A kill hits the process, whose workers then find themselves alone, or all of its group.
    """
    told = Killed()
    while True:
        process = begin(run.parent, *arguments(run))
        if sum(told.kills.values()) < most:
            _wait_for_work(run, process)
            for _ in range(rng.choice(_RECORDS)):
                _wait_for_record(run, process)
            delay = rng.uniform(0, _LONGEST)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay)
            if process.poll() is None:
                told.kills[phase(run)] += 1
                if rng.random() < 0.5:
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                continue
        code, errors = finish(process)
        if code:
            told.wrong.append(f"exit code {code}: {errors.strip()}")
        return told


def kill_again_and_again(
    folder: Path,
    rng: random.Random,
    kills: int,
    expected: dict[str, object],
    begin: Begin = begin,
    most_a_run: int = 25,
) -> Iterator[Killed]:
    """Kill as often as said, in as many runs as that takes; each finished run, as it ended.

    ``begin`` starts processes.
    """
    number = 0
    while kills > 0:
        number += 1
        run = folder / f"killed-{number}"
        told = kill_until_done(run, rng, min(most_a_run, kills), begin)
        told.wrong = told.wrong or (differences(outcome(run), expected) + left_over(run))
        kills -= told.kills.total()
        yield told


def left_over(run: Path) -> list[str]:
    """Temporary files and folders in a run and beside it."""
    beside = run.parent.glob(f".{run.name}.*")
    return [f"{path} is left" for path in (*run.rglob(TEMPORARY), *beside)]


def _wait_for_work(run: Path, process: Process) -> None:
    _wait(process, lambda: at_work(run, process))


def _wait_for_record(run: Path, process: Process) -> None:
    before = _recorded(run)
    _wait(process, lambda: _recorded(run) != before)


def _wait(process: Process, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and not reached() and time.monotonic() < deadline:
        time.sleep(0.005)


def _recorded(run: Path) -> object:
    """Something that changes whenever a run keeps something: checkpoints, weights, evaluations."""
    kept = {path: _changed(path) for path in run.glob("checkpoints/*/*/*")}
    return kept, _changed(run / "run.sqlite-wal")


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def differences(found: dict[str, object], expected: dict[str, object]) -> list[str]:
    """The names of the parts in which two outcomes differ."""
    return [name for name, value in expected.items() if found[name] != value]
